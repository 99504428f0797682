//! The orders of four shops in 2022, one file for each half of the year.
//!
//! Shops, products and customers are made up. Some shops forget to note the customer's rating, some names hold commas.

use crate::{Generated, random::Random};

const SHOPS: [(u64, &str); 4] = [(5, "Leeds"), (3, "York"), (2, "\"Hull, Market Place\""), (1, "Whitby")];

/// Name, category, price in pence.
const PRODUCTS: [(u64, (&str, &str, u64)); 10] = [
    (9, ("Breakfast tea", "tea", 420)),
    (6, ("Earl Grey", "tea", 510)),
    (4, ("\"Oolong, loose\"", "tea", 890)),
    (8, ("House beans", "coffee", 760)),
    (5, ("Decaf beans", "coffee", 820)),
    (2, ("Single estate", "coffee", 1450)),
    (7, ("Shortbread", "biscuits", 325)),
    (6, ("Ginger nuts", "biscuits", 240)),
    (2, ("Mug", "kitchen", 950)),
    (1, ("\"Teapot, 1.2 l\"", "kitchen", 2799)),
];

const QUANTITIES: [(u64, u64); 5] = [(20, 1), (9, 2), (4, 3), (2, 6), (1, 24)];

const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

pub(crate) fn files() -> Vec<Generated> {
    let mut random = Random::new(2022);
    let mut file = |name: &str, months| (format!("orders/{name}"), half_year(months, &mut random).into_bytes());
    vec![file("2022-first-half.csv", 1..=6), file("2022-second-half.csv", 7..=12)]
}

fn half_year(months: std::ops::RangeInclusive<usize>, random: &mut Random) -> String {
    let mut csv = String::from("date,shop,product,category,quantity,unit_price,amount,rating\n");
    for month in months {
        for day in 1..=DAYS[month - 1] {
            for _ in 0..orders_of(month, random) {
                csv.push_str(&order(month, day, random));
            }
        }
    }
    csv
}

/// Before Christmas there is more to do.
fn orders_of(month: usize, random: &mut Random) -> u64 {
    random.below(if month >= 11 { 12 } else { 8 }) + 4
}

fn order(month: usize, day: u64, random: &mut Random) -> String {
    let shop = random.weighted(&SHOPS);
    let (product, category, price) = *random.weighted(&PRODUCTS);
    let quantity = *random.weighted(&QUANTITIES);
    let price = if month == 1 { price * 9 / 10 } else { price };
    let rating =
        if random.once_in(6) { String::new() } else { (5 - random.below(5) * random.below(5) / 4).to_string() };
    let (price, amount) = (pounds(price), pounds(price * quantity));
    format!("2022-{month:02}-{day:02},{shop},{product},{category},{quantity},{price},{amount},{rating}\n")
}

fn pounds(pence: u64) -> String {
    format!("{}.{:02}", pence / 100, pence % 100)
}
