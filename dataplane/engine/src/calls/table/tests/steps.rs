//! The steps: what is told to the table, and what must end by it.

use super::operation::Tagged;
use super::oracle::{
    CREDIT, How, IN_FLIGHT, Known, Lane, MAX_IN_FLIGHT, Place, Sent, failed, pick,
};
use crate::calls::table::Origin;
use crate::calls::tag::Tag;
use proptest::sample::Index;
use std::time::Duration;
use strait_failure::{Class, Failure};

impl Lane {
    pub(super) fn publish(&mut self, ms: Option<u8>) {
        if self.which(|call| !call.heard).len() < IN_FLIGHT {
            let id = self.calls.len() as u64 + 1;
            let known = Known {
                place: Place::Ring,
                deadline: ms.map(|ms| self.now + Duration::from_millis(ms.into())),
                cancelled: false,
                ended: false,
                heard: false,
                note: None,
            };
            self.calls.insert(id, known);
            self.ring.push_back(id);
        }
    }

    pub(super) fn cancel(&mut self, of: Index) -> Vec<(u64, How)> {
        let Some(id) = pick(&self.which(|call| !call.heard && !call.cancelled), of) else {
            return Vec::new();
        };
        self.table.cancel(id);
        let call = self.call(id);
        call.cancelled = true;
        if call.ended || call.place == Place::Ring {
            return Vec::new();
        }
        if call.place == Place::Queue {
            call.place = Place::Gone;
        }
        vec![(id, failed(Class::Cancelled))]
    }

    pub(super) fn read(&mut self, bad: bool) -> Vec<(u64, How)> {
        let Some(id) = self.ring.pop_front() else {
            return Vec::new();
        };
        let batch = match bad {
            true => Err(Failure::new(Class::Internal, "no batch")),
            false => Ok(id),
        };
        let deadline = self.calls[&id].deadline;
        assert!(self.table.arrive(id, deadline, batch), "{id} is new");
        let refusing = self.refusing;
        let call = self.call(id);
        call.place = Place::Gone;
        let how = match () {
            () if call.cancelled => failed(Class::Cancelled),
            () if refusing => failed(Class::Unavailable),
            () if bad => failed(Class::Internal),
            () => {
                call.place = Place::Queue;
                return Vec::new();
            }
        };
        vec![(id, how)]
    }

    pub(super) fn admit(&mut self) {
        let queued = self.at(Place::Queue);
        let room = self.at(Place::Engine).len() < MAX_IN_FLIGHT;
        let expected = queued.first().copied().filter(|_| room);
        assert_eq!(
            self.table.next(),
            expected.map(|id| (id, id)),
            "in order, within the limit"
        );
        if let Some(id) = expected {
            self.call(id).place = Place::Engine;
        }
    }

    pub(super) fn emit(&mut self, of: Index, tagged: Tagged, sent: bool) {
        let inside = pick(&self.at(Place::Engine), of);
        let generation = match tagged {
            Tagged::Before => self.generation - 1,
            Tagged::Now | Tagged::Not => self.generation,
        };
        let tag = inside.map(|call_id| Tag {
            call_id,
            generation,
        });
        let tag = tag.filter(|_| !matches!(tagged, Tagged::Not));
        let ended = inside.is_some_and(|id| self.calls[&id].ended);
        let expected = match (inside, tagged) {
            (Some(_), Tagged::Now) if ended => Origin::Unwanted,
            (Some(id), Tagged::Now) => Origin::Call(id),
            _ => Origin::Engine,
        };
        let origin = self.table.origin_of(tag);
        assert_eq!(origin, expected);
        if origin == Origin::Unwanted {
            return;
        }
        let credit = origin.call_id().is_some() || self.lent() < CREDIT;
        let token = self.table.issue(origin);
        assert_eq!(
            token.is_some(),
            credit,
            "credit is neither exceeded nor lost"
        );
        match token {
            Some(token) if sent => {
                self.table.sent();
                let sent = Sent {
                    call: origin.call_id(),
                    answered: false,
                    over: false,
                };
                assert_eq!(self.outputs.insert(token, sent), None, "a fresh token");
            }
            Some(token) => self.table.revoke(token),
            None => {}
        }
    }

    pub(super) fn answer(&mut self, of: Index, ok: bool) {
        let open = self.outputs.iter().filter(|(_, sent)| !sent.answered);
        let open: Vec<_> = open.map(|(token, _)| *token).collect();
        let Some(token) = pick(&open, of) else { return };
        let result = match ok {
            true => Ok(()),
            false => Err(Failure::new(Class::Retryable, "no")),
        };
        self.table.answer(token, result);
        let sent = self.outputs.get_mut(&token).expect("sent");
        sent.answered = true;
        if !sent.over {
            self.answers.push_back((token, ok));
        }
    }

    pub(super) fn take_answer(&mut self) {
        let expected = self.answers.pop_front();
        let answer = self
            .table
            .next_answer()
            .map(|(token, result)| (token, result.is_ok()));
        assert_eq!(answer, expected, "every answer once, in order");
        if let Some((token, _)) = answer {
            self.outputs.get_mut(&token).expect("sent").over = true;
        }
    }

    pub(super) fn note(&mut self, of: Index, class: Class) {
        let Some(id) = pick(&self.at(Place::Engine), of) else {
            return;
        };
        self.notes += 1;
        let message = format!("note {}", self.notes);
        self.table.note(id, Failure::new(class, message.clone()));
        let note = &mut self.call(id).note;
        match note {
            Some((known, _)) if known.is_final() || !class.is_final() => {}
            _ => *note = Some((class, message)),
        }
    }

    /// The engine answers; it acks what has had all its answers.
    pub(super) fn settle(&mut self, of: Index, result: Result<(), Class>) -> Vec<(u64, How)> {
        let Some(id) = pick(&self.at(Place::Engine), of) else {
            return Vec::new();
        };
        let open = self
            .outputs
            .values()
            .any(|sent| sent.call == Some(id) && !sent.over);
        if result.is_ok() && open {
            return Vec::new();
        }
        self.table
            .settle(id, result.map_err(|class| Failure::new(class, "nack")));
        let call = self.call(id);
        call.place = Place::Gone;
        if call.ended {
            return Vec::new();
        }
        let how = match (result, call.note.take()) {
            (Ok(()), _) => How::Acked,
            (Err(class), None) => How::Failed(class, Some("nack".into())),
            // The engine says whether it may be tried again, the note says how it failed.
            (Err(class), Some((noted, message))) if class.is_final() == noted.is_final() => {
                How::Failed(noted, Some(message))
            }
            (Err(class), Some((_, message))) => How::Failed(class, Some(message)),
        };
        vec![(id, how)]
    }

    pub(super) fn pass(&mut self, ms: u8) -> Vec<(u64, How)> {
        self.now += Duration::from_millis(ms.into());
        self.table.expire(self.now);
        let now = self.now;
        let due = self.which(|call| {
            matches!(call.place, Place::Queue | Place::Engine)
                && !call.ended
                && call.deadline.is_some_and(|deadline| deadline <= now)
        });
        for id in &due {
            let call = self.call(*id);
            if call.place == Place::Queue {
                call.place = Place::Gone;
            }
        }
        due.into_iter()
            .map(|id| (id, failed(Class::Deadline)))
            .collect()
    }

    pub(super) fn restart(&mut self, error: bool) -> Vec<(u64, How)> {
        let ended = self.end_generation(error);
        self.generation += 1;
        self.table.begin_generation(self.generation);
        (self.refusing, self.blamed) = (false, false);
        ended
    }

    pub(super) fn end_generation(&mut self, error: bool) -> Vec<(u64, How)> {
        self.table.end_generation(error.then_some("broken"));
        let inside = self.at(Place::Engine);
        let alone = inside.len() == 1 && !self.blamed;
        let mut ended = Vec::new();
        for id in inside {
            let call = self.call(id);
            call.place = Place::Gone;
            if call.ended {
                continue;
            }
            let how = match call.note.take() {
                Some((class, message)) => How::Failed(class, Some(message)),
                None if error && alone => failed(Class::Permanent),
                None if error => failed(Class::Retryable),
                None => failed(Class::Unavailable),
            };
            ended.push((id, how));
        }
        // The host still answers what it has not; what it has answered is forgotten.
        self.answers.clear();
        for (token, sent) in &mut self.outputs {
            if !std::mem::replace(&mut sent.over, true) && !sent.answered {
                self.given_up.push(*token);
            }
        }
        ended
    }
}
