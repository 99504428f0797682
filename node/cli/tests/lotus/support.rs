//! A deal, and a node that it is taken to.

use std::sync::LazyLock;
use std::time::Duration;

use bacalhau_cas::piece::Commitment;
use bacalhau_publisher::filecoin::{
    Allocation, Backend, BackendError, DealId, Lotus, Observation, Piece, Stage, StorageDeal, StorageTerms,
};
use bacalhau_runtime::Link;
use bacalhau_values::Secret;

use bacalhau_testkit::{
    lotus::chain::{PROVIDER, WALLET},
    lotus::fake::{FakeLotus, SIGN_TOKEN},
};

/// 180 days.
pub(crate) const DURATION: u64 = 518_400;

/// A fake, a client of it, and a verified deal that nobody has heard of.
pub(crate) struct Scene {
    pub(crate) fake: FakeLotus,
    pub(crate) lotus: Lotus,
    pub(crate) deal: StorageDeal,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let fake = FakeLotus::start();
        let lotus = client(&fake, Some(SIGN_TOKEN));
        let now_ms = now_ms(&fake);
        Self { fake, lotus, deal: deal(now_ms) }
    }

    /// One whose deal has come to `stage`.
    pub(crate) fn at(stage: Stage) -> Self {
        let mut scene = Self::new();
        scene.deal.stage = stage;
        scene
    }

    /// One whose message is sent.
    pub(crate) fn allocating() -> Self {
        let mut scene = Self::at(Stage::Checked);
        scene.step_to_allocating();
        scene
    }

    /// One whose allocation is on the chain, and that the market has sealed, as it says.
    pub(crate) fn complete() -> Self {
        let mut scene = Self::allocating();
        scene.fake.chain().pass(10);
        let Observation::Allocated(id) = scene.step().unwrap() else { panic!("no allocation") };
        scene.deal.allocation.as_mut().unwrap().id = Some(id);
        scene.deal.stage = Stage::Complete;
        scene
    }

    pub(crate) fn step_to_allocating(&mut self) {
        let Observation::Pushed(message) = self.step().unwrap() else { panic!("no message") };
        self.deal.allocation = Some(Allocation { message: Some(message), id: None });
        self.deal.stage = Stage::Allocating;
    }

    /// The step that comes next, by a clock that goes with the chain's.
    pub(crate) fn step(&self) -> Result<Observation, BackendError> {
        self.lotus.advance(&self.deal, now_ms(&self.fake))
    }

    /// The allocation's number in the deal.
    pub(crate) fn allocation(&self) -> u64 {
        self.deal.allocation.as_ref().unwrap().id.unwrap()
    }
}

/// How long Lotus may be silent here: longer than the fake is on a machine that is busy.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(crate) fn client(fake: &FakeLotus, token: Option<&str>) -> Lotus {
    let token = token.map(|token| token.parse::<Secret>().unwrap());
    Lotus::with_patience(fake.url(), token, PATIENCE)
}

/// Now, which is a little after the head of the chain.
pub(crate) fn now_ms(fake: &FakeLotus) -> u64 {
    fake.chain().time() * 1000 + 12_345
}

/// A piece of 1 MiB.
static PIECE: LazyLock<Commitment> = LazyLock::new(|| {
    let payload = [7; (1 << 20) / 128 * 127];
    Commitment::of("a payload", &payload[..]).unwrap()
});

/// A verified deal on a piece of 1 MiB, made at `now_ms`.
pub(crate) fn deal(now_ms: u64) -> StorageDeal {
    let commitment = &*PIECE;
    StorageDeal {
        id: DealId::new(now_ms).unwrap(),
        piece: Piece {
            car: "/nowhere".into(),
            car_bytes: commitment.payload_size(),
            root: Link::of_raw(b"results"),
            v1: commitment.cid_v1().into(),
            v2: commitment.cid_v2().into(),
            padded_bytes: commitment.padded_size(),
        },
        terms: StorageTerms {
            market: "http://market.invalid".into(),
            provider: PROVIDER.parse().unwrap(),
            wallet: WALLET.parse().unwrap(),
            duration_epochs: DURATION,
            verified: true,
            max_fee_nanofil: 70_000_000,
            indexing: true,
            announce: false,
        },
        stage: Stage::Prepared,
        url: None,
        allocation: None,
        market: None,
        claim: None,
    }
}

/// Why it will not work, and what to do.
pub(crate) fn never(result: Result<Observation, BackendError>) -> String {
    match result {
        Err(error @ BackendError::Never { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Why it did not work, though it may.
pub(crate) fn later(result: Result<Observation, BackendError>) -> (String, Option<Duration>) {
    match result {
        Err(BackendError::Later { why, after }) => (why, after),
        other => panic!("{other:?}"),
    }
}

/// What is waited for.
pub(crate) fn waiting(result: Result<Observation, BackendError>) -> String {
    match result {
        Ok(Observation::Waiting(words)) => words,
        other => panic!("{other:?}"),
    }
}
