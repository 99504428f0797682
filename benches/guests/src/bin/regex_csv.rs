//! A report over a table: the crates `csv` and `regex`, strings, a map, floats written and read as text.

use std::collections::BTreeMap;

use bench_guests::Numbers;
use regex::Regex;

const ROWS: usize = 20_000;
const CITIES: [&str; 6] = ["Berlin", "Bogotá", "Lagos", "Osaka", "Reykjavík", "San José"];

fn table() -> Vec<u8> {
    let mut numbers = Numbers::new();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "city", "contact", "amount", "note"]).expect("memory takes everything");
    for id in 0..ROWS {
        let city = CITIES[numbers.below(CITIES.len())];
        let contact = format!("user{}@mail{}.example.org", numbers.below(1000), numbers.below(10));
        let amount = format!("{:.2}", numbers.unit() * 1000.0);
        let day = format!("2024-{:02}-{:02}", 1 + numbers.below(12), 1 + numbers.below(28));
        let note = format!("ordered on {day}, said \"{}\"", ["thanks", "call me", "no reply"][numbers.below(3)]);
        writer.write_record([&id.to_string(), city, &contact, &amount, &note]).expect("memory takes everything");
    }
    writer.into_inner().expect("memory takes everything")
}

fn report() -> i64 {
    let date = Regex::new(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})").expect("a valid expression");
    let contact = Regex::new(r"^[a-z]+[0-4]\d*@(mail[0-5])\.example\.(org|com)$").expect("a valid expression");
    let word = Regex::new(r"(?i)\b(call|thanks)\b").expect("a valid expression");
    let table = table();
    let mut totals: BTreeMap<(String, String), (f64, u64)> = BTreeMap::new();
    for record in csv::Reader::from_reader(table.as_slice()).records() {
        let record = record.expect("the table was written by us");
        if !contact.is_match(&record[2]) || !word.is_match(&record[4]) {
            continue;
        }
        let month = date.captures(&record[4]).map_or(String::new(), |found| found["month"].to_owned());
        let total = totals.entry((record[1].to_owned(), month)).or_default();
        total.0 += record[3].parse::<f64>().expect("an amount");
        total.1 += 1;
    }
    bench_guests::checksum(totals.values().map(|(amount, count)| amount / *count as f64))
}

bench_guests::guest!(report);
