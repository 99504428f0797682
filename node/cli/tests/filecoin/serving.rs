//! How a provider fetches archives: in ranges, as Curio's downloader goes on where it broke off. And what else is served,
//! which is nothing.

use std::io::Read;
use std::time::Duration;

use bacalhau_http::{Client, Reach, Terms};
use url::Url;

use crate::scene::{Scene, Wish, deal};

/// Bytes that are fetched at once.
const RANGE: u64 = 10_000;

fn client() -> Client {
    Client::new(Terms { reach: Reach::Anywhere, patience: Duration::from_secs(10), total: None, idle_connections: 1 })
}

/// All that is at `url`: its length first, and then part by part.
pub(crate) fn pull(url: &str) -> Result<Vec<u8>, String> {
    let (client, url) = (client(), url.parse::<Url>().unwrap());
    let length = client.head(&url).map_err(|error| error.to_string())?.length().ok_or("it has no length")?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let begin = bytes.len() as u64;
        let range = format!("bytes={begin}-{}", (begin + RANGE).min(length) - 1);
        let answer = client.get(&url, &[("range", &range)]).map_err(|error| error.to_string())?;
        if answer.status() != 206 {
            return Err(format!("a range is answered by {}", answer.status()));
        }
        answer.into_body().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    Ok(bytes)
}

fn status(url: &str) -> u16 {
    let answer = client().get(&url.parse().unwrap(), &[]);
    answer.map_or_else(|error| error.status().unwrap().as_u16(), |answer| answer.status().as_u16())
}

#[test]
fn archives_of_open_deals_are_served_in_parts_and_nothing_else_is() {
    let scene = Scene::new(Wish { pulled: true, verified: false });
    let mut entry = scene.begin();
    let (url, base) = (deal(&entry).url.clone().unwrap(), scene.config.url.clone().unwrap());
    assert_eq!(url, format!("{base}/piece/{}", deal(&entry).piece.v2));
    assert!(entry.publication.places.contains(&url));
    let bytes = pull(&url).unwrap();
    assert_eq!(bytes, std::fs::read(&deal(&entry).piece.car).unwrap());
    for other in
        ["/", "/piece", "/piece/", "/.lock", "/piece/../.lock", "/piece/%2e%2e/.lock", "/piece/bafy", "/piece/.x"]
    {
        assert_eq!(status(&format!("{base}{other}")), 404, "{other}");
    }
    let post = client().post(&url.parse().unwrap(), &[], "x").unwrap_err();
    assert_eq!(post.status().unwrap().as_u16(), 405);
    scene.finish(&mut entry);
    assert_eq!(status(&url), 404, "the deal has ended");
}
