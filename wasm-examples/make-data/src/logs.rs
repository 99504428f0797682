//! The access logs of a small web shop on two servers over two days, in the combined format of nginx.
//!
//! All addresses are from the ranges reserved for documentation; nobody ever asked for these pages.

use crate::{Generated, random::Random};

const PAGES: [(u64, &str); 12] = [
    (20, "GET /"),
    (12, "GET /tea"),
    (10, "GET /coffee"),
    (8, "GET /static/shop.css"),
    (7, "GET /static/shop.js"),
    (5, "GET /biscuits?page=2"),
    (5, "GET /search?q=earl+grey"),
    (4, "POST /basket"),
    (3, "POST /checkout"),
    (2, "GET /api/stock/4711"),
    (2, "HEAD /"),
    (1, "GET /wp-login.php"),
];

const AGENTS: [(u64, &str); 5] = [
    (8, "Mozilla/5.0 (X11; Linux x86_64)"),
    (6, "Mozilla/5.0 (iPhone)"),
    (3, "Mozilla/5.0 (Windows NT 10.0)"),
    (2, "curl/7.81.0"),
    (1, "ExampleBot/1.0"),
];

const NETWORKS: [(u64, &str); 3] = [(3, "192.0.2"), (2, "198.51.100"), (2, "203.0.113")];

/// Requests for each hour of the day.
const BUSY: [u64; 24] = [4, 3, 2, 1, 2, 4, 9, 17, 26, 31, 33, 35, 36, 34, 32, 30, 29, 32, 36, 38, 34, 25, 16, 8];

pub(crate) fn files() -> Vec<Generated> {
    let mut random = Random::new(80);
    let mut files = Vec::new();
    for server in ["north", "south"] {
        for day in [14, 15] {
            files.push((format!("logs/{server}/access-2022-03-{day}.log"), a_day(day, &mut random).into_bytes()));
        }
    }
    files
}

fn a_day(day: u64, random: &mut Random) -> String {
    let mut log = String::new();
    for (hour, busy) in (0..).zip(BUSY) {
        let mut seconds: Vec<u64> = (0..busy).map(|_| random.below(3600)).collect();
        seconds.sort_unstable();
        for second in seconds {
            log.push_str(&request(day, hour, second, random));
        }
    }
    log
}

fn request(day: u64, hour: u64, second: u64, random: &mut Random) -> String {
    let (network, host) = (random.weighted(&NETWORKS), random.below(254) + 1);
    let (page, agent) = (random.weighted(&PAGES), random.weighted(&AGENTS));
    let status = status(page, day, hour, random);
    let bytes = if matches!(status, 204 | 304) { 0 } else { 150 + random.below(9000) };
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{network}.{host} - - [{day}/Mar/2022:{hour:02}:{minute:02}:{second:02} +0000] \
         \"{page} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\"\n"
    )
}

/// On the second day the payment service was down from one until three in the afternoon.
fn status(page: &str, day: u64, hour: u64, random: &mut Random) -> u64 {
    let outage = day == 15 && (13..15).contains(&hour);
    match page {
        "GET /wp-login.php" => 404,
        "POST /checkout" if outage => *random.weighted(&[(4, 503), (2, 502), (1, 303)]),
        "POST /checkout" => 303,
        "POST /basket" => 204,
        "GET /api/stock/4711" => *random.weighted(&[(8, 200), (1, 500), (1, 429)]),
        page if page.starts_with("GET /static") => *random.weighted(&[(2, 304), (3, 200)]),
        _ if outage => *random.weighted(&[(12, 200), (1, 504)]),
        _ => *random.weighted(&[(60, 200), (2, 301), (1, 404)]),
    }
}
