//! Sorting with closures: compiled in, boxed, and chained.

use std::cmp::Ordering;

use bench_guests::Numbers;

#[derive(Clone)]
struct Person {
    name: String,
    age: u32,
    score: f64,
}

type Comparison = Box<dyn Fn(&Person, &Person) -> Ordering>;

fn people(count: usize) -> Vec<Person> {
    let mut numbers = Numbers::new();
    (0..count)
        .map(|_| Person {
            name: (0..3 + numbers.below(6)).map(|_| char::from(b'a' + numbers.below(5) as u8)).collect(),
            age: numbers.below(90) as u32,
            score: numbers.unit(),
        })
        .collect()
}

fn comparisons() -> Vec<Comparison> {
    vec![
        Box::new(|a, b| a.age.cmp(&b.age)),
        Box::new(|a, b| a.name.cmp(&b.name)),
        Box::new(|a, b| b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal)),
    ]
}

fn sorts() -> i64 {
    let people = people(20_000);
    let comparisons = comparisons();
    let mut sum = 0_i64;
    let mut add = |sorted: &[Person]| {
        for (place, person) in sorted.iter().enumerate().step_by(97) {
            sum = sum.wrapping_mul(31).wrapping_add(i64::from(person.age) * place as i64 + person.name.len() as i64);
        }
    };
    for comparison in &comparisons {
        let mut sorted = people.clone();
        sorted.sort_by(|a, b| comparison(a, b));
        add(&sorted);
    }
    let mut sorted = people.clone();
    sorted
        .sort_by(|a, b| comparisons.iter().map(|compare| compare(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
    add(&sorted);
    let mut sorted = people;
    sorted.sort_unstable_by(|a, b| a.score.total_cmp(&b.score).then_with(|| a.name.cmp(&b.name)));
    add(&sorted);
    let mut values: Vec<u64> = {
        let mut numbers = Numbers::new();
        (0..100_000).map(|_| numbers.bits()).collect()
    };
    values.sort_by_key(|value| value.rotate_left(20));
    sum ^ values[values.len() / 2] as i64
}

bench_guests::guest!(sorts);
