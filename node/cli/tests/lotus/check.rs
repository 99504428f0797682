//! Whether provider, wallet and piece fit together, before anything is spent or proposed.

use bacalhau_publisher::filecoin::{Observation, StorageDeal};

use crate::support::{Scene, client, later, never, now_ms};
use bacalhau_testkit::lotus::chain::{Chain, WALLET_ID};

/// What is changed, and what is said then: why, and what to do.
type Change<T> = (fn(&mut T), &'static str, &'static str);

/// What is said of a deal that fits.
fn checked(scene: &Scene) -> String {
    match scene.step() {
        Ok(Observation::Checked(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_verified_deal_that_fits() {
    let scene = Scene::new();
    let words = checked(&scene);
    assert_eq!(
        words,
        "mainnet is at epoch 5000000: f01000 (peer 12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf) has sectors of \
         32GiB; f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq is f01001 and has 1099511627776 bytes of DataCap"
    );
    assert!(scene.fake.chain().messages.is_empty(), "nothing is sent");
}

#[test]
fn a_deal_without_datacap_needs_nothing_of_the_wallet_and_no_token() {
    let mut scene = Scene::new();
    scene.deal.terms.verified = false;
    scene.fake.chain().datacap.clear();
    scene.lotus = client(&scene.fake, None);
    let words = checked(&scene);
    assert!(
        words.ends_with(
            "is f01001, with 1.5 FIL in the market actor, which would want 0.00125 FIL of the provider for such a deal"
        ),
        "{words}"
    );
    scene.deal.terms.wallet = "f12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a".parse().unwrap();
    assert!(
        checked(&scene).contains("f12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a does not exist on the chain, which a deal")
    );
}

#[test]
fn what_does_not_fit_is_said_with_what_to_do() {
    let change_deal: [Change<StorageDeal>; 9] = [
        (
            |deal| deal.terms.provider = "f01999".parse().unwrap(),
            "the provider f01999 does not exist",
            "set filecoin.provider",
        ),
        (
            |deal| deal.terms.provider = "f01001".parse().unwrap(),
            "f01001 is not a storage provider",
            "set filecoin.provider",
        ),
        (|deal| deal.terms.wallet = "f01001".parse().unwrap(), "not the address of a key", "to f15ihq5ibzwki2b4ep"),
        (|deal| deal.terms.wallet = "f01000".parse().unwrap(), "not the address of a key", "f1…, f3… or f4…"),
        (
            |deal| deal.terms.wallet = "f12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a".parse().unwrap(),
            "has no DataCap: it does not exist on the chain",
            "allocator",
        ),
        (
            |deal| deal.terms.wallet = "t15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq".parse().unwrap(),
            "is of a test network",
            "set filecoin.wallet",
        ),
        (
            |deal| deal.terms.duration_epochs = 518_399,
            "a verified deal lasts 180 to 1825 days, and this one would last 179",
            "filecoin.duration",
        ),
        (|deal| deal.terms.duration_epochs = u64::MAX, "a verified deal lasts 180 to 1825 days", "filecoin.duration"),
        (|deal| deal.piece.padded_bytes = 1 << 19, "at least 1MiB, and this one has 512KiB", "--filplus"),
    ];
    for (change, why, todo) in change_deal {
        let mut scene = Scene::new();
        change(&mut scene.deal);
        let said = never(scene.step());
        assert!(said.contains(why) && said.contains(todo), "{why}: {said}");
    }
    let change_chain: [Change<Chain>; 3] = [
        (
            |chain| chain.sector_size = 1 << 19,
            "the piece needs 1MiB of a sector, and those of f01000 have 512KiB",
            "larger sectors",
        ),
        (
            |chain| {
                chain.datacap.remove(&WALLET_ID);
            },
            "pdrq (f01001) has no DataCap",
            "https://fil.org/datacap",
        ),
        (
            |chain| {
                chain.datacap.insert(WALLET_ID, (1 << 20) - 1);
            },
            "has 1048575 bytes of DataCap left, and the piece needs 1048576",
            "run the job without --filplus",
        ),
    ];
    for (change, why, todo) in change_chain {
        let scene = Scene::new();
        change(&mut scene.fake.chain());
        let said = never(scene.step());
        assert!(said.contains(why) && said.contains(todo), "{why}: {said}");
    }
}

#[test]
fn a_network_without_allocations_takes_no_verified_deal_and_others_go_on() {
    for version in [29, 30] {
        let mut scene = Scene::new();
        scene.fake.chain().network_version = version;
        let said = never(scene.step());
        let why =
            format!("mainnet has network version {version}: DataCap is not allocated any more from version 29 on");
        assert!(said.contains(&why) && said.contains("FIP-0118") && said.contains("without --filplus"), "{said}");
        assert!(scene.fake.chain().messages.is_empty(), "nothing is sent");
        scene.deal.terms.verified = false;
        checked(&scene);
    }
}

#[test]
fn a_test_network_has_addresses_of_both_kinds() {
    let mut scene = Scene::new();
    scene.fake.chain().network = "calibrationnet";
    assert!(checked(&scene).starts_with("calibrationnet is at epoch 5000000: "));
    scene.deal.terms.wallet = "t12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a".parse().unwrap();
    assert!(never(scene.step()).contains("has no DataCap"), "and not that it is of another network");
}

#[test]
fn a_node_that_is_behind_is_not_believed() {
    use bacalhau_publisher::filecoin::Backend as _;
    let scene = Scene::new();
    let now_ms = now_ms(&scene.fake) + 20 * 60 * 1000;
    let (why, _) = later(scene.lotus.advance(&scene.deal, now_ms));
    assert!(why.contains("is 20 minutes behind the chain, at epoch 5000000"), "{why}");
}
