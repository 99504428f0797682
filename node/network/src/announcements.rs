//! Announcements from gossip: decoded and checked, one after the other and beside the swarm, before they are handed on.

use std::sync::Arc;

use libp2p::gossipsub::MessageAcceptance;
use tokio::sync::mpsc;

use super::Heard;
use super::driver::Shared;
use bacalhau_p2p::{Announced, FORGERY};
use bacalhau_protocol::{Announcement, AnnouncementError, Wire, WireError};

/// Why an announcement is not relayed.
#[derive(Debug, thiserror::Error)]
enum NoAnnouncement {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Check(#[from] AnnouncementError),
}

/// Validates received announcements while the node runs.
pub(super) async fn judge(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Announced>) {
    while let Some(announced) = waiting.recv().await {
        let Announced { author, data, .. } = &announced;
        let verdict = match read(data, author) {
            Ok(announcement) => {
                let heard = Box::new(Heard::Announced { announcement, from: *author });
                if (shared.listener)(heard).is_ok() {
                    shared.counting().received(data.len());
                    MessageAcceptance::Accept
                } else {
                    shared.counting().ignored();
                    MessageAcceptance::Ignore
                }
            }
            Err(NoAnnouncement::Check(error)) if error.is_innocent() => {
                shared.counting().ignored();
                MessageAcceptance::Ignore
            }
            Err(error) => {
                // The relaying peer has not validated it; gossip lowers its score.
                shared.refuse(author, FORGERY, &error);
                MessageAcceptance::Reject
            }
        };
        shared.handle.judge(&announced, verdict);
        // Others want these threads too.
        tokio::task::yield_now().await;
    }
}

fn read(data: &[u8], author: &libp2p::PeerId) -> Result<Announcement, NoAnnouncement> {
    let announcement = Announcement::decode(data)?;
    announcement.check(author)?;
    Ok(announcement)
}
