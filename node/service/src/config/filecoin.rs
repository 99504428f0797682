//! Settings of `[filecoin]`: checks that they are complete, and the publisher's configuration.

use std::path::Path;
use std::time::Duration;

use super::ConfigError;
use super::check::{service_url, together};
use super::keys::{Config, FilecoinSettings};
use bacalhau_job::MinerClaim;
use bacalhau_publisher::filecoin::{AddressKind, ChainConfig, FilecoinConfig, Lotus, Miners, StorageTerms};
use bacalhau_values::Secret;

/// Minimum duration of a deal in epochs: 180 days (`mk20.DDOV1.duration`).
const LEAST_EPOCHS: u64 = 518_400;
/// Idle timeout for questions to the Lotus node about a bidder. Short, because bidding lasts only seconds.
const LOOKUP: Duration = Duration::from_secs(3);
/// Directory of deal archives in a data directory.
const DIR: &str = "deals";

impl FilecoinSettings {
    /// Whether any setting enables deals.
    fn is_wanted(&self) -> bool {
        self.market.is_some() || self.provider.is_some() || self.wallet.is_some()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, url) in [("market", &self.market), ("lotus", &self.lotus), ("serve_url", &self.serve_url)] {
            if let Some(url) = url {
                service_url(&format!("filecoin.{key}"), url)?;
            }
        }
        if self.is_wanted() {
            let needed = [
                ("market", self.market.is_some(), "the URL of the provider's market"),
                ("lotus", self.lotus.is_some(), "the URL of the JSON-RPC of a Lotus node"),
                ("provider", self.provider.is_some(), "the provider, f0…"),
                ("wallet", self.wallet.is_some(), "the wallet, f1… or f3…"),
            ];
            if let Some((key, _, what)) = needed.iter().find(|(_, is_set, _)| !is_set) {
                return Err(together(format!(
                    "the publisher filecoin is only partly configured: set filecoin.{key}, {what}"
                )));
            }
        }
        if self.provider.as_ref().is_some_and(|provider| provider.kind() != AddressKind::Id) {
            return Err(together(
                "filecoin.provider is not the address of a storage provider: write f0 and its number",
            ));
        }
        if self.wallet.as_ref().is_some_and(|wallet| matches!(wallet.kind(), AddressKind::Id | AddressKind::Actor)) {
            return Err(together("filecoin.wallet is not the address of a key: write f1…, f3… or f4…"));
        }
        if self.miner.as_ref().is_some_and(|miner| miner.id().is_none()) {
            return Err(together("filecoin.miner is not the address of a storage provider: write f0 and its number"));
        }
        if let Some(signature) = &self.miner_signature {
            let is_hex =
                signature.len() <= MinerClaim::MAX_SIGNATURE && bacalhau_values::hex::decode(signature).is_some();
            if self.miner.is_none() || !is_hex {
                return Err(together(
                    "filecoin.miner_signature is not what lotus wallet sign prints, or filecoin.miner is not set",
                ));
            }
        }
        if self.duration.0 < LEAST_EPOCHS {
            return Err(together("filecoin.duration is under 180d, and markets take no less"));
        }
        if self.announce && !self.indexing {
            return Err(together(
                "filecoin.announce needs filecoin.indexing: the provider announces only what it has \
                indexed",
            ));
        }
        if self.serve_listen.is_some() && self.serve_url.is_none() {
            return Err(together(
                "filecoin.serve_listen is set without filecoin.serve_url: set the URL at which the provider reaches it",
            ));
        }
        Ok(())
    }
}

impl FilecoinSettings {
    /// The claim of this node to belong to a storage provider.
    pub(super) fn claim(&self) -> Option<MinerClaim> {
        let miner = self.miner.as_ref()?.id()?;
        Some(MinerClaim { miner, signature: self.miner_signature.clone() })
    }

    fn token(&self) -> Result<Option<Secret>, ConfigError> {
        match (&self.lotus_token, &self.lotus_token_file) {
            (None, Some(path)) => {
                let unreadable = |error| together(format!("filecoin.lotus_token_file: {error}"));
                Ok(Some(Secret::from_file(path).map_err(unreadable)?))
            }
            (token, _) => Ok(token.clone()),
        }
    }
}

impl Config {
    /// Lookup of the storage providers that bidders belong to; `None` when no Lotus node is configured.
    ///
    /// # Errors
    /// When the token file cannot be read.
    pub fn miners(&self) -> Result<Option<Miners>, ConfigError> {
        let Some(url) = &self.filecoin.lotus else { return Ok(None) };
        let url = service_url("filecoin.lotus", url)?;
        Ok(Some(Miners::new(Lotus::with_patience(url, self.filecoin.token()?, LOOKUP))))
    }

    /// Configuration of the publisher `filecoin` for this data directory; `None` when it is not configured.
    ///
    /// # Errors
    /// When the token file cannot be read.
    pub fn filecoin_config(&self, data_dir: &Path) -> Result<Option<FilecoinConfig>, ConfigError> {
        let settings = &self.filecoin;
        let (Some(market), Some(lotus), Some(provider), Some(wallet)) =
            (&settings.market, &settings.lotus, &settings.provider, &settings.wallet)
        else {
            return Ok(None);
        };
        let token = settings.token()?;
        Ok(Some(FilecoinConfig {
            dir: data_dir.join(DIR),
            profile: self.publisher.import_profile,
            chain: ChainConfig { url: service_url("filecoin.lotus", lotus)?, token },
            terms: StorageTerms {
                market: market.clone(),
                provider: provider.clone(),
                wallet: wallet.clone(),
                duration_epochs: settings.duration.0,
                verified: false,
                max_fee_nanofil: settings.max_price.nano,
                indexing: settings.indexing,
                announce: settings.announce,
            },
            poll: settings.poll.0,
            listen: settings.serve_listen,
            url: settings.serve_url.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::*;

    const WALLET: &str = "f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq";

    /// A configuration of what the environment says.
    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let value = |name: &str| {
            let key = name.strip_prefix("BACALHAU_FILECOIN_")?;
            variables.iter().find(|(known, _)| known.to_uppercase() == key).map(|(_, value)| (*value).to_owned())
        };
        Layers::load(&[], value).and_then(|layers| layers.config()).map_err(|error| error.to_string())
    }

    const WHOLE: [(&str, &str); 4] = [
        ("market", "https://market.example"),
        ("lotus", "http://127.0.0.1:1234/rpc/v1"),
        ("provider", "f01000"),
        ("wallet", WALLET),
    ];

    #[test]
    fn a_part_of_it_says_what_is_missing() {
        assert!(config(&[]).unwrap().filecoin_config(Path::new("/d")).unwrap().is_none());
        for (left_out, _) in WHOLE {
            let rest: Vec<_> = WHOLE.into_iter().filter(|(key, _)| *key != left_out).collect();
            let error = config(&rest).unwrap_err();
            assert!(error.contains(&format!("set filecoin.{left_out}")), "{error}");
        }
    }

    #[test]
    fn all_of_it_is_what_the_publisher_is_told() {
        let more = [("duration", "540d"), ("max_price", "0.5"), ("lotus_token", "s3cr3t"), ("announce", "true")];
        let told =
            config(&[&WHOLE[..], &more[..]].concat()).unwrap().filecoin_config(Path::new("/d")).unwrap().unwrap();
        assert_eq!((told.dir.as_path(), told.listen, told.url.as_ref()), (Path::new("/d/deals"), None, None));
        assert_eq!((told.terms.duration_epochs, told.terms.max_fee_nanofil), (1_555_200, 500_000_000));
        assert!(told.terms.indexing && told.terms.announce && !told.terms.verified);
        assert_eq!(told.chain.token.as_ref().unwrap().expose(), "s3cr3t");
        assert!(!format!("{told:?}").contains("s3cr3t"));
    }

    #[test]
    fn what_no_deal_could_be_made_with_is_refused_at_once() {
        for (key, value, why) in [
            ("provider", WALLET, "not the address of a storage provider"),
            ("provider", "1000", "not an address of Filecoin"),
            ("wallet", "f01001", "not the address of a key"),
            ("duration", "179d", "under 180d"),
            ("max_price", "much", "an amount in FIL"),
            ("indexing", "false", "needs filecoin.indexing"),
            ("serve_listen", "127.0.0.1:0", "without filecoin.serve_url"),
            ("market", "market.example", "filecoin.market"),
            ("lotus", "https://user:pass@host/rpc/v1", "credentials"),
        ] {
            let mut variables = vec![(key, value), ("announce", "true")];
            variables.extend(WHOLE);
            let error = config(&variables).unwrap_err();
            assert!(error.contains(why) && !error.contains("pass@"), "{error}");
        }
        let file = [&WHOLE[..], &[("lotus_token_file", "/there/is/none")]].concat();
        let error = config(&file).unwrap().filecoin_config(Path::new("/d")).unwrap_err().to_string();
        assert!(error.contains("filecoin.lotus_token_file"), "{error}");
    }
}
