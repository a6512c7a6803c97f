//! The answers of our own nodes: for batches that they refuse, with the whole failure, and of those
//! behind them.

use crate::ambient;
use crate::calls::carried;
use crate::calls::tag::Tag;
use crate::calls::verdict::{failure_of, nack_of};
use otel_arrow_dfe_engine::ConsumerEffectHandlerExtension;
use otel_arrow_dfe_engine::control::{AckMsg, NackMsg, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use strait_failure::Failure;

/// Answers for a batch. What a nack cannot hold is noted by its call, or goes with the batch.
pub(crate) async fn answer(
    engine: &impl ConsumerEffectHandlerExtension<OtapPdata>,
    mut pdata: OtapPdata,
    result: Result<(), Failure>,
) -> Result<(), Error> {
    let failure = match result {
        Ok(()) => return engine.notify_ack(AckMsg::new(pdata)).await,
        Err(failure) => failure,
    };
    let tag = Tag::of(&pdata).filter(Tag::is_of_call);
    if tag.is_none() {
        carried::put(&mut pdata, &failure);
    }
    let nack = nack_of(&failure, pdata);
    if let Some(tag) = tag {
        ambient::note(tag, failure);
    }
    engine.notify_nack(nack).await
}

/// The answer that a message is to a batch of this node's, with the batch's number; `None` for any
/// other message.
pub(crate) fn answer_of(message: NodeControlMsg<OtapPdata>) -> Option<(u64, Result<(), Failure>)> {
    let (calldata, result) = match message {
        NodeControlMsg::Ack(ack) => (ack.unwind.route.calldata, Ok(())),
        NodeControlMsg::Nack(nack) => {
            let failure = whole(&nack);
            (nack.unwind.route.calldata, Err(failure))
        }
        _ => return None,
    };
    Some((u64::from(*calldata.first()?), result))
}

/// The failure as whoever refused the batch has said it, or what the engine's nack says by itself.
fn whole(nack: &NackMsg<OtapPdata>) -> Failure {
    carried::of(&nack.refused).unwrap_or_else(|| failure_of(nack))
}
