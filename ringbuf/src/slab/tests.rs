//! The slab against a simple model: a vector that says for each block whose it is.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Take(u32),
    Trim(usize, u32),
    Publish(usize),
    Abort(usize),
    TakeBack(usize),
    Toggle(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..40).prop_map(Step::Take),
        1 => (40_u32..400).prop_map(Step::Take),
        1 => (any::<usize>(), any::<u32>()).prop_map(|(i, n)| Step::Trim(i, n)),
        3 => any::<usize>().prop_map(Step::Publish),
        1 => any::<usize>().prop_map(Step::Abort),
        3 => any::<usize>().prop_map(Step::TakeBack),
        1 => (0_u32..400).prop_map(Step::Toggle),
    ]
}

/// Who owns each block, by the first block of the run; and which runs are published.
struct Model {
    owner: Vec<Option<u32>>,
    claimed: Vec<Run>,
    published: Vec<Run>,
}

impl Model {
    fn longest_free(&self) -> u32 {
        let runs = self.owner.chunk_by(|a, b| a.is_none() == b.is_none());
        runs.filter(|run| run[0].is_none())
            .map(|run| run.len() as u32)
            .max()
            .unwrap_or(0)
    }

    fn set(&mut self, run: Run, owner: Option<u32>) {
        for block in run.block..run.block + run.blocks {
            let place = &mut self.owner[block as usize];
            assert_ne!(
                place.is_some(),
                owner.is_some(),
                "block {block} changed hands twice"
            );
            *place = owner;
        }
    }
}

fn apply(slab: &mut Slab, model: &mut Model, step: &Step) {
    match *step {
        Step::Take(blocks) => match slab.take(blocks) {
            Some(run) => {
                assert_eq!(run.blocks, blocks);
                model.set(run, Some(run.block));
                model.claimed.push(run);
            }
            None => assert!(model.longest_free() < blocks, "a run of {blocks} was free"),
        },
        Step::Trim(at, to) if !model.claimed.is_empty() => {
            let at = at % model.claimed.len();
            let run = model.claimed[at];
            let to = to % run.blocks + 1;
            model.claimed[at] = slab.trim(run, to);
            assert_eq!(
                model.claimed[at],
                Run {
                    block: run.block,
                    blocks: to
                }
            );
            model.set(
                Run {
                    block: run.block + to,
                    blocks: run.blocks - to,
                },
                None,
            );
        }
        Step::Publish(at) if !model.claimed.is_empty() => {
            let run = model.claimed.swap_remove(at % model.claimed.len());
            slab.set_published(run);
            model.published.push(run);
        }
        Step::Abort(at) if !model.claimed.is_empty() => {
            let run = model.claimed.swap_remove(at % model.claimed.len());
            slab.abort(run);
            model.set(run, None);
        }
        Step::TakeBack(at) if !model.published.is_empty() => {
            let run = model.published.swap_remove(at % model.published.len());
            assert_eq!(slab.take_back(run.block).expect("published"), run);
            model.set(run, None);
        }
        Step::Toggle(block) if model.published.iter().all(|run| run.block != block) => {
            assert!(
                slab.take_back(block).is_err(),
                "no published run starts at {block}"
            );
        }
        _ => {}
    }
}

proptest! {
    /// Scenario: any sequence of takes, trims, publications, aborts, releases and wrong releases.
    /// Guarantees: runs never overlap, a run is refused only if none is long enough, a wrong
    /// release is an error that changes nothing, and the words to scan are the ones with
    /// published runs.
    #[test]
    fn slab_behaves_like_the_model(
        blocks in 16_u32..300,
        steps in proptest::collection::vec(step(), 0..300),
    ) {
        let mut slab = Slab::new(blocks);
        let mut model =
            Model { owner: vec![None; blocks as usize], claimed: vec![], published: vec![] };
        for step in &steps {
            apply(&mut slab, &mut model, step);
            let used = model.owner.iter().filter(|owner| owner.is_some()).count();
            prop_assert_eq!(slab.blocks_in_use() as usize, used);
            let mut words: Vec<_> =
                model.published.iter().map(|run| run.block as usize / 64).collect();
            words.sort_unstable();
            words.dedup();
            let scanned = std::iter::successors(slab.next_published_word(0), |word| {
                slab.next_published_word(word + 1)
            });
            prop_assert_eq!(scanned.collect::<Vec<_>>(), words);
        }
    }
}

/// Scenario: a small run is freed while lower blocks are free too. Guarantees: the next small run
/// lies where the last one was freed (its bytes are in the caches), a longer one lies first fit.
#[test]
fn small_runs_are_taken_where_one_was_freed_last() {
    let mut slab = Slab::new(64);
    let runs: Vec<_> = (0..4).map(|_| slab.take(2).expect("room")).collect();
    slab.abort(runs[0]);
    slab.abort(runs[2]);
    assert_eq!(slab.take(2), Some(runs[2]));
    assert_eq!(
        slab.take(3),
        Some(Run {
            block: 8,
            blocks: 3
        })
    );
    assert_eq!(
        slab.take(1),
        Some(Run {
            block: 0,
            blocks: 1
        })
    );
}
