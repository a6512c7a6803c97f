//! Batches between the engine and what edits or takes them through the SDK.
//!
//! Logs are tables that share the engine's arrays, and go on as records; traces and metrics are
//! OTLP bytes. A batch of logs of which nothing is left is acked, one that cannot be edited is
//! refused with the editor's reason.

use crate::ambient;
use crate::calls::Port;
use crate::calls::tag::Tag;
use crate::nodes::answers::answer;
use arrow_schema::{DataType, Fields};
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::context::transport_headers::TransportHeaders;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::EffectHandler;
use otel_arrow_dfe_engine::{
    ConsumerEffectHandlerExtension, MessageSourceLocalEffectHandlerExtension,
};
use otel_arrow_dfe_otap::pdata::{Context, OtapPdata, PdataDelivery, PdataEffectHandlerExtension};
use otel_arrow_dfe_pdata::otap::Logs;
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use otel_arrow_dfe_pdata::schema::consts::{self, metadata};
use otel_arrow_dfe_pdata::{OtapArrowRecords, OtlpProtoBytes};
use otel_arrow_dfe_pdata_codec::{EncodePolicy, OtapPayload, PdataEncoding};
use strait_component::{Batch, Payload, Signal};
use strait_failure::{Class, Failure};

/// The signal of a batch of the engine's, by its name here.
pub(crate) fn signal_of(signal: SignalType) -> Signal {
    match signal {
        SignalType::Logs => Signal::Logs,
        SignalType::Traces => Signal::Traces,
        SignalType::Metrics => Signal::Metrics,
    }
}

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
            return answer(effect_handler, pdata, Err(failure)).await;
        }
    };
    match edit(records) {
        Ok(records) if records.num_items() == 0 => {
            answer(effect_handler, delivery.into_pdata(), Ok(())).await
        }
        Ok(records) => {
            let pdata = delivery.with_payload(records.into());
            Ok(effect_handler.send_message_with_source_node(pdata).await?)
        }
        Err(failure) => answer(effect_handler, delivery.into_pdata(), Err(failure)).await,
    }
}

/// Makes a batch of the engine's the SDK's, without its context; what is left answers for it.
///
/// # Errors
///
/// It cannot be read; whoever sent it is to be told.
pub(crate) async fn take(
    engine: &impl PdataEffectHandlerExtension,
    pdata: OtapPdata,
) -> Result<(PdataDelivery, Batch), (OtapPdata, Failure)> {
    let failed = |message| Failure::new(Class::Permanent, message);
    if pdata.signal_type() == SignalType::Logs {
        let (delivery, records) = match engine.prepare_otap_work(pdata).await {
            Ok(ready) => ready,
            Err(error) => {
                let (error, pdata) = error.into_parts();
                return Err((pdata, failed(error.to_string())));
            }
        };
        return match to_batch(records) {
            Ok(batch) => Ok((delivery, batch)),
            Err(error) => Err((delivery.into_pdata(), failed(error))),
        };
    }
    let signal = signal_of(pdata.signal_type());
    let (delivery, mut payload) = pdata.into_work();
    let bytes = match engine.resolve_encoding_plan(&PdataEncoding::OTLP, EncodePolicy::default()) {
        Ok(plan) => engine.encode_owned(&mut payload, &plan).await,
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => Ok((delivery, Batch::from_otlp(signal, bytes))),
        Err(error) => Err((delivery.into_pdata(), failed(error.to_string()))),
    }
}

/// A batch that is to be done: what answers for it, the batch as the SDK has it, and its context.
pub(crate) type ToDo = (OtapPdata, Batch, strait_component::Context);

/// Takes a batch for a component, by its id, as [`take`] does, with its context. `None`: it was
/// answered, for its call had ended before it got here, or it cannot be read.
pub(crate) async fn take_wanted(
    engine: &(impl PdataEffectHandlerExtension + ConsumerEffectHandlerExtension<OtapPdata>),
    pdata: OtapPdata,
    component: impl FnOnce() -> String,
) -> Result<Option<ToDo>, Error> {
    let tag = Tag::of(&pdata);
    let taken = if ambient::is_unwanted(tag) {
        let message = "the call had ended before the batch got here";
        Err((pdata, Failure::new(Class::Cancelled, message)))
    } else {
        let context = ambient::context_of(tag);
        take(engine, pdata)
            .await
            .map(|(delivery, batch)| (delivery.into_pdata(), batch, context))
    };
    match taken {
        Ok(to_do) => Ok(Some(to_do)),
        Err((pdata, failure)) => {
            answer(engine, pdata, Err(failure.at(component()))).await?;
            Ok(None)
        }
    }
}

/// The SDK's batch as the engine's payload.
pub(crate) fn to_payload(batch: Batch) -> Result<OtapPayload, String> {
    let Some(bytes) = batch.otlp() else {
        return to_records(batch).map(Into::into);
    };
    let signal = match batch.signal() {
        Signal::Logs => SignalType::Logs,
        Signal::Traces => SignalType::Traces,
        Signal::Metrics => SignalType::Metrics,
    };
    Ok(OtlpProtoBytes::new_from_bytes(signal, bytes.clone()).into())
}

/// The same of a batch that a component has made. Logs may be OTLP bytes where it says so of
/// itself: nobody can be behind it in Rust then, who would have to read them as tables.
pub(crate) fn made_payload(batch: Batch, logs_as_otlp: bool) -> Result<OtapPayload, String> {
    if batch.signal() == Signal::Logs && batch.otlp().is_some() && !logs_as_otlp {
        let message = "logs were sent as OTLP bytes, and `describe()` does not say \
                       `logs_as_otlp()`: this is a bug in the component";
        return Err(message.to_owned());
    }
    to_payload(batch)
}

/// A batch that a member sends by itself: its number is its own, and names what goes with it.
/// `known` is told the number, and subscribes to the batch's answer.
pub(crate) fn own_batch(
    port: &Port,
    came_with: strait_component::Context,
    payload: OtapPayload,
    known: impl FnOnce(u64, &mut OtapPdata),
) -> OtapPdata {
    let number = port.contexts.keep(came_with);
    let mut headers = TransportHeaders::with_capacity(1);
    Tag {
        call_id: number,
        generation: port.calls().generation(),
    }
    .append_to(&mut headers);
    let mut context = Context::with_capacity(1);
    context.set_transport_headers(headers);
    let mut pdata = OtapPdata::new(context, payload);
    known(number, &mut pdata);
    pdata
}

const TABLES: [(Payload, ArrowPayloadType); 4] = [
    (Payload::Logs, ArrowPayloadType::Logs),
    (Payload::LogAttributes, ArrowPayloadType::LogAttrs),
    (Payload::ResourceAttributes, ArrowPayloadType::ResourceAttrs),
    (Payload::ScopeAttributes, ArrowPayloadType::ScopeAttrs),
];

/// The engine's records as the SDK's batch; the tables are shared, not copied.
pub(crate) fn to_batch(mut records: OtapArrowRecords) -> Result<Batch, String> {
    // What a member has written is plain. The engine would make each table anew to find that out.
    let mut tables = TABLES.iter().filter_map(|(_, kind)| records.get(*kind));
    if !tables.all(|table| ids_are_plain(table.schema_ref().fields())) {
        records
            .decode_transport_optimized_ids()
            .map_err(|error| error.to_string())?;
    }
    let tables = TABLES
        .into_iter()
        .filter_map(|(payload, kind)| Some((payload, records.remove(kind)?)));
    let tables: Vec<_> = tables.collect();
    Batch::from_tables(tables).map_err(|error| error.to_string())
}

/// Whether the ids of a table, or of a struct in it, are said to be no differences.
fn ids_are_plain(fields: &Fields) -> bool {
    fields.iter().all(|field| match field.data_type() {
        DataType::Struct(fields) => ids_are_plain(fields),
        _ if matches!(field.name().as_str(), consts::ID | consts::PARENT_ID) => {
            let encoding = field.metadata().get(metadata::COLUMN_ENCODING);
            encoding.is_some_and(|encoding| encoding == metadata::encodings::PLAIN)
        }
        _ => true,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{RecordBatch, UInt16Array};
    use arrow_schema::{Field, Schema};
    use std::sync::Arc;

    // Guarantees: ids that are written as differences, or of which nothing is said, which means the
    // same, come to the SDK as they are; plain ones stay.
    #[test]
    fn ids_are_plain_in_the_sdk() {
        use metadata::encodings::{DELTA, PLAIN};
        let ids = |encoding: Option<&str>, ids: [u16; 3]| {
            let says = encoding.map(|encoding| (metadata::COLUMN_ENCODING.into(), encoding.into()));
            let id = Field::new(consts::ID, DataType::UInt16, true)
                .with_metadata(says.into_iter().collect());
            let ids = Arc::new(UInt16Array::from(ids.to_vec()));
            let table = RecordBatch::try_new(Arc::new(Schema::new(vec![id])), vec![ids]).unwrap();
            let mut records = OtapArrowRecords::Logs(Logs::default());
            records.set(ArrowPayloadType::Logs, table).unwrap();
            let batch = to_batch(records).unwrap();
            let table = batch.table(Payload::Logs).unwrap();
            let ids = table.column(0).as_any().downcast_ref::<UInt16Array>();
            ids.unwrap().values().to_vec()
        };
        assert_eq!(ids(Some(PLAIN), [0, 1, 5]), [0, 1, 5]);
        assert_eq!(ids(Some(DELTA), [0, 1, 4]), [0, 1, 5]);
        assert_eq!(ids(None, [0, 1, 4]), [0, 1, 5]);
    }
}
