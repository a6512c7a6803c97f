//! What may happen to a lane.

use proptest::prelude::*;
use proptest::sample::Index;
use strait_failure::Class;

/// One thing that may happen. An [`Index`] picks among what it can happen to.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// The host publishes a batch, which has so many ms.
    Publish(Option<u8>),
    /// The host gives a call up, of whose end it has not heard.
    Cancel(Index),
    /// The host hears of an end: the ring has room again.
    Hear(Index),
    /// The lane reads what was published; perhaps it cannot be a batch.
    Read { bad: bool },
    /// A call that is in flight is read again.
    ReadAgain(Index),
    /// The ingress takes a batch.
    Admit,
    /// Something comes out of a call's batch, of a tag of an older pipeline, or of no call, and is
    /// sent or not.
    Emit { of: Index, tag: Tagged, sent: bool },
    /// The host answers an output.
    Answer(Index, bool),
    /// The host answers an output a second time.
    AnswerAgain(Index),
    /// The egress takes an answer.
    TakeAnswer,
    /// A node's failure is kept beside the nack that may come.
    Note(Index, Class),
    /// The engine answers for a call.
    Settle(Index, Result<(), Class>),
    /// A difference of a call is published.
    Conclude(Index),
    /// The engine answers, or a difference comes, for what is not in it.
    Late(u64),
    /// Time passes, in ms.
    Pass(u8),
    /// Batches are refused from now on.
    Refuse,
    /// A node has answered for what the pipeline ends of.
    Blame,
    /// The pipeline ends, for a reason or in order, and there is another.
    Restart(bool),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tagged {
    Now,
    Before,
    Not,
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Permanent),
        Just(Class::Retryable),
        Just(Class::Unavailable)
    ]
}

pub(super) fn operations() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let tagged = prop_oneof![4 => Just(Tagged::Now), 1 => Just(Tagged::Before),
        2 => Just(Tagged::Not)];
    let answer = prop_oneof![2 => Just(Ok(())), 1 => classes().prop_map(Err)];
    let index = any::<Index>;
    prop_oneof![
        8 => proptest::option::weighted(0.3, 0..20_u8).prop_map(Publish),
        3 => index().prop_map(Cancel),
        8 => index().prop_map(Hear),
        8 => proptest::bool::weighted(0.1).prop_map(|bad| Read { bad }),
        1 => index().prop_map(ReadAgain),
        8 => Just(Admit),
        6 => (index(), tagged, proptest::bool::weighted(0.9))
            .prop_map(|(of, tag, sent)| Emit { of, tag, sent }),
        6 => (index(), any::<bool>()).prop_map(|(of, ok)| Answer(of, ok)),
        1 => index().prop_map(AnswerAgain),
        6 => Just(TakeAnswer),
        2 => (index(), classes()).prop_map(|(of, class)| Note(of, class)),
        6 => (index(), answer).prop_map(|(of, result)| Settle(of, result)),
        2 => index().prop_map(Conclude),
        1 => (0..40_u64).prop_map(Late),
        3 => (0..10_u8).prop_map(Pass),
        1 => Just(Refuse),
        1 => Just(Blame),
        1 => any::<bool>().prop_map(Restart),
    ]
}
