//! Settings of `[pdp]`: checks that they are complete, and the publisher's configuration.

use std::path::Path;
use std::sync::Arc;

use super::ConfigError;
use super::check::{service_url, together};
use super::keys::{Config, PdpSettings};
use bacalhau_publisher::PdpConfig;
use bacalhau_publisher::pdp::{EthAddress, PayerKey, WarmTerms};
use bacalhau_values::Secret;

/// The contract `FilecoinWarmStorageService` by chain id, as `@filoz/synapse-core` 0.5.2 has it: mainnet, calibration.
const CONTRACTS: [(u64, EthAddress); 2] = [
    (
        314,
        EthAddress::new([
            0x84, 0x08, 0x50, 0x20, 0x33, 0xc4, 0x18, 0xe1, 0xbb, 0xc9, 0x7c, 0xe9, 0xac, 0x48, 0xe5, 0x52, 0x8f, 0x37,
            0x1a, 0x9f,
        ]),
    ),
    (
        314_159,
        EthAddress::new([
            0x02, 0x92, 0x56, 0x30, 0xdf, 0x55, 0x7f, 0x95, 0x7f, 0x70, 0xe1, 0x12, 0xba, 0x06, 0xe5, 0x09, 0x65, 0x41,
            0x7c, 0xa0,
        ]),
    ),
];
/// Directory of archives in a data directory.
const DIR: &str = "warm";

impl PdpSettings {
    /// Whether any setting enables the publisher.
    fn is_wanted(&self) -> bool {
        self.url.is_some() || self.data_set.is_some() || self.client_data_set.is_some() || self.key_file.is_some()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.url {
            service_url("pdp.url", url)?;
        }
        if !self.is_wanted() {
            return Ok(());
        }
        let needed = [
            ("url", self.url.is_some(), "the URL of the provider's node"),
            ("data_set", self.data_set.is_some(), "the id of the data set"),
            ("client_data_set", self.client_data_set.is_some(), "the id that the payer gave to the data set"),
            ("key_file", self.key_file.is_some(), "the file with the key of the payer"),
        ];
        if let Some((key, _, what)) = needed.iter().find(|(_, is_set, _)| !is_set) {
            return Err(together(format!("the publisher pdp is only partly configured: set pdp.{key}, {what}")));
        }
        self.contract().map(|_| ())
    }

    fn contract(&self) -> Result<EthAddress, ConfigError> {
        let known = CONTRACTS.iter().find(|(chain_id, _)| *chain_id == self.chain_id).map(|(_, contract)| *contract);
        self.contract.or(known).ok_or_else(|| {
            together(format!("no contract is known for pdp.chain_id {}: set pdp.contract", self.chain_id))
        })
    }

    fn token(&self) -> Result<Option<Secret>, ConfigError> {
        match (&self.token, &self.token_file) {
            (None, Some(path)) => {
                let unreadable = |error| together(format!("pdp.token_file: {error}"));
                Ok(Some(Secret::from_file(path).map_err(unreadable)?))
            }
            (token, _) => Ok(token.clone()),
        }
    }
}

impl Config {
    /// Configuration of the publisher `pdp` for this data directory; `None` when it is not configured.
    ///
    /// # Errors
    /// When the key file or the token file cannot be used.
    pub fn pdp_config(&self, data_dir: &Path) -> Result<Option<PdpConfig>, ConfigError> {
        let settings = &self.pdp;
        let (Some(url), Some(data_set), Some(client_data_set), Some(key_file)) =
            (&settings.url, settings.data_set, settings.client_data_set, &settings.key_file)
        else {
            return Ok(None);
        };
        let key = PayerKey::from_file(key_file).map_err(|error| together(format!("pdp.key_file: {error}")))?;
        let (contract, chain_id) = (settings.contract()?, settings.chain_id);
        Ok(Some(PdpConfig {
            dir: data_dir.join(DIR),
            profile: self.publisher.import_profile,
            terms: WarmTerms { url: url.clone(), data_set, client_data_set, contract, chain_id },
            key: Arc::new(key),
            token: settings.token()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Layers;
    use super::*;

    /// A configuration of what the environment says.
    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let value = |name: &str| {
            let key = name.strip_prefix("BACALHAU_PDP_")?;
            variables.iter().find(|(known, _)| known.to_uppercase() == key).map(|(_, value)| (*value).to_owned())
        };
        Layers::load(&[], value).and_then(|layers| layers.config()).map_err(|error| error.to_string())
    }

    const WHOLE: [(&str, &str); 4] = [
        ("url", "https://pdp.example"),
        ("data_set", "42"),
        ("client_data_set", "115792089237316195423570985008687907853269984665640564039457584007913129639935"),
        ("key_file", "/there/is/none"),
    ];

    #[test]
    fn a_part_of_it_says_what_is_missing() {
        assert!(config(&[]).unwrap().pdp_config(Path::new("/d")).unwrap().is_none());
        for (left_out, _) in WHOLE {
            let rest: Vec<_> = WHOLE.into_iter().filter(|(key, _)| *key != left_out).collect();
            let error = config(&rest).unwrap_err();
            assert!(error.contains(&format!("set pdp.{left_out}")), "{error}");
        }
    }

    #[test]
    fn all_of_it_is_what_the_publisher_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let with = |more: &[(&str, &str)]| {
            let key_file = [("key_file", path.to_str().unwrap())];
            config(&[&WHOLE[..3], &key_file, more].concat()).unwrap().pdp_config(Path::new("/d")).unwrap().unwrap()
        };
        let told = with(&[("token", "s3cr3t")]);
        assert_eq!((told.dir.as_path(), told.terms.data_set, told.terms.chain_id), (Path::new("/d/warm"), 42, 314));
        assert_eq!(told.terms.contract.to_string(), "0x8408502033C418E1bbC97cE9ac48E5528F371A9f");
        assert_eq!(told.terms.client_data_set.to_string(), WHOLE[2].1);
        assert_eq!(told.key.address().to_string(), "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
        assert!(!format!("{told:?}").contains("s3cr3t") && !format!("{told:?}").contains("4c0883a6"));
        let calibration = with(&[("chain_id", "314159")]).terms.contract.to_string();
        assert_eq!(calibration, "0x02925630df557F957f70E112bA06e50965417CA0");
        let own = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert_eq!(with(&[("chain_id", "31415926"), ("contract", own)]).terms.contract.to_string(), own);
    }

    #[test]
    fn what_nothing_could_be_published_with_is_refused_at_once() {
        for (key, value, why) in [
            ("url", "pdp.example", "pdp.url"),
            ("url", "https://user:pass@host", "credentials"),
            ("data_set", "many", "pdp.data_set"),
            ("client_data_set", "-1", "not a decimal number"),
            ("contract", "0x8408502033C418E1bbC97cE9ac48E5528F371A9F", "its checksum is wrong"),
            ("contract", "f01000", "not 0x and 40"),
            ("chain_id", "31415926", "set pdp.contract"),
        ] {
            let mut variables = vec![(key, value)];
            variables.extend(WHOLE);
            let error = config(&variables).unwrap_err();
            assert!(error.contains(why) && !error.contains("pass@"), "{error}");
        }
        let error = config(&WHOLE).unwrap().pdp_config(Path::new("/d")).unwrap_err().to_string();
        assert!(error.contains("pdp.key_file") && error.contains("/there/is/none"), "{error}");
    }
}
