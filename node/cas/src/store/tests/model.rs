//! Any order of things against a set in memory.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u32>),
    Pin(u32),
    Unpin(u32),
    Collect(u64),
    Reopen,
    Find(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec(0..30_u32, 0..6).prop_map(Step::Put),
        (0..30_u32).prop_map(Step::Pin),
        (0..30_u32).prop_map(Step::Unpin),
        (0..40_000_u64).prop_map(Step::Collect),
        Just(Step::Reopen),
        (0..30_u32).prop_map(Step::Find),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Block `n` links to `n / 2` and `n / 3`, so that pins reach far.
    #[test]
    fn any_order_of_things_keeps_what_it_must(steps in prop::collection::vec(step(), 1..30)) {
        let blocks: Vec<_> = (0..30).fold(Vec::<Block>::new(), |mut blocks, number| {
            let children = if number == 0 { vec![] } else { vec![&blocks[number / 2], &blocks[number / 3]] };
            let block = node(&number.to_string().repeat(200), &children);
            blocks.push(block);
            blocks
        });
        let dir = dir();
        let mut store = open(dir.path());
        // What must be there, and what may be.
        let (mut put, mut sure, mut pins) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Put(numbers) => {
                    let chosen: Vec<_> = numbers.iter().map(|number| blocks[*number as usize].clone()).collect();
                    store.put(&chosen).unwrap();
                    put.extend(numbers.iter().copied());
                    sure.extend(numbers);
                }
                Step::Pin(number) => {
                    store.pin(blocks[number as usize].cid(), "").unwrap();
                    pins.insert(number);
                }
                Step::Unpin(number) => {
                    prop_assert_eq!(store.unpin(blocks[number as usize].cid()).unwrap(), pins.remove(&number));
                }
                Step::Collect(target) => {
                    let collected = store.collect(target).unwrap();
                    let mut kept = BTreeSet::new();
                    let mut pending: Vec<_> = pins.iter().copied().collect();
                    while let Some(number) = pending.pop() {
                        // One that is missing leads no further.
                        let below = store.find(blocks[number as usize].cid()).unwrap().is_some() && number > 0;
                        if kept.insert(number) && below {
                            pending.extend([number / 2, number / 3]);
                        }
                    }
                    sure.retain(|number| kept.contains(number));
                    let rest = collected.kept_bytes;
                    prop_assert!(rest <= target || rest < collected.pinned_bytes * 2 + 100 * 30 + 64 * 400);
                }
                Step::Reopen => store = open(dir.path()),
                Step::Find(number) => {
                    let found = has(&store, &blocks[number as usize]);
                    prop_assert!(!found || put.contains(&number));
                }
            }
            for number in &sure {
                prop_assert!(has(&store, &blocks[*number as usize]), "{} is gone", number);
            }
        }
    }
}
