use super::*;
use std::time::Duration;
use strait_component::Error;
use tokio::time::timeout;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Takes the next batch at a door, and answers it.
async fn answers(at: &mut FromOthers, verdict: Verdict) {
    let sent = at.sends.recv().await.expect("a batch");
    sent.verdict.send(verdict).expect("somebody waits");
}

// Guarantees: each of several is given the batch, whatever the others say, and what they say is
// one failure, final where one of them is.
#[test]
fn all_are_sent_to_and_all_are_heard() {
    let (a, b) = (Door::new(1), Door::new(1));
    let bridge = Bridge::new(vec![1, 2], true, 1);
    let doors = [(1, a.clone()), (2, b.clone())];
    let door = |handle| doors.iter().find(|(of, _)| *of == handle);
    assert_eq!(bridge.find(|_| None), Err(1));
    let found = bridge.find(|handle| door(handle).map(|(_, door)| door.clone()));
    assert_eq!(found, Ok(()));
    let host = bridge.host.clone().expect("a way to the host");
    let (mut a, mut b, mut host) = (a.open(0), b.open(0), host.open(0));
    for (said, expected) in [
        ([Ok(()), Ok(()), Ok(())], None),
        (
            [Ok(()), Err(Error::permanent("no")), Ok(())],
            Some((Class::Permanent, "no")),
        ),
        (
            [
                Err(Error::retryable("full")),
                Ok(()),
                Err(Error::permanent("no")),
            ],
            Some((Class::Permanent, "full; no")),
        ),
    ] {
        let [first, second, third] = said;
        let answers = async {
            answers(&mut a, first).await;
            answers(&mut b, second).await;
            answers(&mut host, third).await;
        };
        let (verdict, ()) =
            block_on(async { tokio::join!(bridge.send(Batch::default()), answers) });
        let failure = verdict.err();
        let heard = failure.as_ref();
        assert_eq!(heard.map(|it| (it.class, &it.message[..])), expected);
    }
}

// Guarantees: who does not wait any more is told of to the node that has the batch.
#[test]
fn who_leaves_is_missed() {
    let door = Door::new(1);
    let mut lane = door.open(0);
    block_on(async {
        let gone = timeout(Duration::from_millis(1), door.send(Batch::default())).await;
        assert!(gone.is_err());
        let sent = lane.sends.recv().await.expect("a batch");
        assert!(sent.verdict.is_closed());
        assert_eq!(lane.left.recv().await, Some(sent.id));
    });
}

// Guarantees: a batch waits for a lane that is made anew; a lane without room is passed over where
// another has some; where no lane will run again, and of a unit that has ended, nobody waits.
#[test]
fn a_door_finds_a_lane() {
    block_on(async {
        let door = Door::new(2);
        let waits = timeout(Duration::from_millis(1), door.send(Batch::default())).await;
        assert!(waits.is_err());
        drop(door.open(0));
        let (verdict, ()) = tokio::join!(door.send(Batch::default()), async {
            tokio::task::yield_now().await;
            answers(&mut door.open(0), Ok(())).await;
        });
        assert!(verdict.is_ok());

        let (mut first, mut second) = (door.open(0), door.open(1));
        let all = async { tokio::join!(door.send(Batch::default()), door.send(Batch::default())) };
        let both = async {
            answers(&mut first, Ok(())).await;
            answers(&mut second, Ok(())).await;
        };
        let ((one, other), ()) = tokio::join!(all, both);
        assert!(one.is_ok() && other.is_ok());

        drop(first);
        let (verdict, ()) = tokio::join!(door.send(Batch::default()), async {
            drop(second.sends.recv().await);
        });
        assert!(verdict.is_err(), "its lane has ended");
        drop(second);
        door.give_up(0);
        door.give_up(1);
        let failed = door.send(Batch::default()).await.expect_err("given up");
        assert_eq!(
            failed.to_string(),
            "the unit has failed and will not run again"
        );
        let mut anew = door.open(1);
        let (verdict, ()) = tokio::join!(door.send(Batch::default()), answers(&mut anew, Ok(())));
        assert!(verdict.is_ok());
        door.close();
        let ended = door.send(Batch::default()).await.expect_err("ended");
        assert_eq!(ended.to_string(), "the unit has stopped");
    });
}
