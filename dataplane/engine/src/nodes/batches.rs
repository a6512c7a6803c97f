//! Batches of logs between the engine and what edits them through the SDK.
//!
//! A batch reaches its editor as tables that share the engine's arrays, and goes on as records; one
//! of which nothing is left is acked, one that cannot be edited is refused with the editor's
//! reason.

use crate::ambient;
use crate::calls::tag::Tag;
use otel_arrow_dfe_engine::control::{AckMsg, NackMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::EffectHandler;
use otel_arrow_dfe_engine::{
    ConsumerEffectHandlerExtension, MessageSourceLocalEffectHandlerExtension,
};
use otel_arrow_dfe_otap::pdata::{OtapPdata, PdataEffectHandlerExtension};
use otel_arrow_dfe_pdata::OtapArrowRecords;
use otel_arrow_dfe_pdata::otap::Logs;
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use strait_component::{Batch, Payload};
use strait_failure::{Class, Failure};

/// Lets `edit` change a batch of logs and sends it on; a batch of which nothing is left is acked.
/// `name` is the component's or node's, for errors.
pub(crate) async fn edit_logs(
    pdata: OtapPdata,
    effect_handler: &mut EffectHandler<OtapPdata>,
    name: &str,
    edit: impl FnOnce(OtapArrowRecords) -> Result<OtapArrowRecords, Failure>,
) -> Result<(), Error> {
    let (delivery, records) = match effect_handler.prepare_otap_work(pdata).await {
        Ok(ready) => ready,
        Err(error) => {
            let (error, pdata) = error.into_parts();
            let failure = Failure::new(Class::Permanent, error.to_string()).at(name);
            return refuse(effect_handler, pdata, failure).await;
        }
    };
    match edit(records) {
        Ok(records) if records.num_items() == 0 => {
            effect_handler
                .notify_ack(AckMsg::new(delivery.into_pdata()))
                .await
        }
        Ok(records) => {
            let pdata = delivery.with_payload(records.into());
            Ok(effect_handler.send_message_with_source_node(pdata).await?)
        }
        Err(failure) => refuse(effect_handler, delivery.into_pdata(), failure).await,
    }
}

async fn refuse(
    effect_handler: &EffectHandler<OtapPdata>,
    pdata: OtapPdata,
    failure: Failure,
) -> Result<(), Error> {
    let reason = failure.to_string();
    let permanent = failure.class.is_final();
    if let Some(tag) = Tag::of(&pdata) {
        ambient::note(tag, failure);
    }
    let nack = if permanent {
        NackMsg::new_permanent(reason, pdata)
    } else {
        NackMsg::new(reason, pdata)
    };
    effect_handler.notify_nack(nack).await
}

const TABLES: [(Payload, ArrowPayloadType); 4] = [
    (Payload::Logs, ArrowPayloadType::Logs),
    (Payload::LogAttributes, ArrowPayloadType::LogAttrs),
    (Payload::ResourceAttributes, ArrowPayloadType::ResourceAttrs),
    (Payload::ScopeAttributes, ArrowPayloadType::ScopeAttrs),
];

/// The engine's records as the SDK's batch; the tables are shared, not copied.
pub(crate) fn to_batch(mut records: OtapArrowRecords) -> Result<Batch, String> {
    records
        .decode_transport_optimized_ids()
        .map_err(|error| error.to_string())?;
    let tables = TABLES
        .into_iter()
        .filter_map(|(payload, kind)| Some((payload, records.remove(kind)?)));
    let tables: Vec<_> = tables.collect();
    Batch::from_tables(tables).map_err(|error| error.to_string())
}

pub(crate) fn to_records(batch: Batch) -> Result<OtapArrowRecords, String> {
    let mut records = OtapArrowRecords::Logs(Logs::default());
    for (payload, table) in batch.into_tables() {
        let kind = TABLES
            .iter()
            .find(|(known, _)| *known == payload)
            .map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| format!("table {} is not known", payload.name()))?;
        records
            .set(kind, table)
            .map_err(|error| error.to_string())?;
    }
    Ok(records)
}
