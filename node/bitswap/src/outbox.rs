//! Output to a peer, over one stream: our wants before its blocks. The stream is opened on demand, and reopened once if
//! it breaks.

use std::time::Instant;

use libp2p::{PeerId, Stream};
use tokio::sync::mpsc;

use super::message::{MAX_ENTRIES, Message, Want};
use super::record::{Record, count};
use super::{PROTOCOL, frame};
use bacalhau_p2p::{HostHandle, OpenError};

/// Maximum wants in a message, which every peer accepts.
const MESSAGE_WANTS: usize = 1024;
const _: () = assert!(MESSAGE_WANTS <= MAX_ENTRIES);

/// The output to a peer.
pub(super) struct Outbox {
    pub(super) peer: PeerId,
    pub(super) wants: mpsc::UnboundedReceiver<Vec<Want>>,
    pub(super) served: mpsc::Receiver<Message>,
    pub(super) record: std::sync::Arc<Record>,
    pub(super) host: HostHandle,
    pub(super) stream: Option<Stream>,
}

/// Why a peer cannot be sent messages.
#[derive(Debug)]
pub(super) struct Unheard {
    /// The reason.
    pub(super) why: String,
    /// It is not there, which may change; otherwise it is there and of another kind.
    pub(super) gone: bool,
}

impl From<OpenError> for Unheard {
    fn from(error: OpenError) -> Self {
        Self { why: error.to_string(), gone: !matches!(error, OpenError::Protocol(_)) }
    }
}

impl Outbox {
    /// Sends until the end, or until an error.
    pub(super) async fn run(mut self) -> Result<(), Unheard> {
        loop {
            tokio::select! {
                biased;
                wants = self.wants.recv() => match wants {
                    Some(wants) => self.send_wants(wants).await?,
                    None => return Ok(()),
                },
                Some(message) = self.served.recv() => self.send_served(&message).await?,
            }
        }
    }

    async fn send_wants(&mut self, mut wants: Vec<Want>) -> Result<(), Unheard> {
        while let Ok(more) = self.wants.try_recv() {
            wants.extend(more);
        }
        for wants in last_words(&wants).chunks(MESSAGE_WANTS) {
            let debt = self.record.budget.wants_sent.take(wants.len() as u64, Instant::now());
            if !debt.is_zero() {
                tokio::time::sleep(debt).await;
            }
            self.send(&Message { wants: wants.to_vec(), ..Message::default() }).await?;
        }
        Ok(())
    }

    async fn send_served(&mut self, message: &Message) -> Result<(), Unheard> {
        self.send(message).await?;
        count(&self.record.tally.blocks_sent, message.blocks.len() as u64);
        count(&self.record.tally.bytes_sent, message.block_bytes());
        Ok(())
    }

    async fn send(&mut self, message: &Message) -> Result<(), Unheard> {
        if let Some(stream) = &mut self.stream {
            match frame::write(stream, message).await {
                Ok(()) => return Ok(()),
                Err(_) => count(&self.record.tally.streams_broken, 1),
            }
        }
        let mut stream = self.host.open(self.peer, PROTOCOL).await?;
        let written = frame::write(&mut stream, message).await;
        self.stream = Some(stream);
        written.map_err(|error| Unheard { why: format!("sending to it failed: {error}"), gone: true })
    }
}

/// Of several entries for one block in a row, the last: in one message there is one.
fn last_words(wants: &[Want]) -> Vec<Want> {
    let mut seen = std::collections::HashSet::new();
    let mut last: Vec<_> = wants.iter().rev().filter(|want| seen.insert(want.cid)).copied().collect();
    last.reverse();
    last
}

#[cfg(test)]
mod tests {
    use super::super::message::Kind;
    use super::*;
    use bacalhau_cas::{Block, Code};

    #[test]
    fn the_last_word_on_a_block_counts() {
        let want = |text: &str, kind| Want { cid: *Block::of(Code::Raw, text.to_owned()).cid(), kind, dont_have: true };
        let wants = [want("a", Kind::Cancel), want("b", Kind::Have), want("a", Kind::Block)];
        assert_eq!(last_words(&wants), [want("b", Kind::Have), want("a", Kind::Block)]);
    }
}
