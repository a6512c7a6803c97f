//! Between a slot's content and the engine's payload.
//!
//! In: OTLP bytes are used in place (the slot's lease lives as long as the bytes), records become
//! Arrow arrays over the slot. Out: logs as records to a host that sends records (as a difference,
//! where it kept the original), everything else as OTLP bytes. Whether the slot is copied first was
//! decided when it was read.

use crate::calls::{Origin, Port, private};
use crate::difference::tables::Tables;
use crate::ends::context;
use crate::link;
use crate::link::outgoing::{Encoded, unwritable};
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::context::ContextEntryName;
use otel_arrow_dfe_config::context::transport_headers::{TransportHeader, TransportHeaders};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::exporter::EffectHandler;
use otel_arrow_dfe_otap::pdata::{OtapPdata, PdataEffectHandlerExtension};
use otel_arrow_dfe_pdata::otap::{Logs, Metrics, Traces};
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use otel_arrow_dfe_pdata::{OtapArrowRecords, OtlpProtoBytes};
use otel_arrow_dfe_pdata_codec::{EncodePolicy, EncodingPlan, OtapPayload, PdataEncoding};
use strait_component::{CancelHandle, Context};
use strait_failure::{Class, Failure};
use strait_records::{BatchView, Encoding, ErrorKind, Header, Signal, Variable};

/// Why a batch does not enter the engine.
pub(crate) enum Refusal {
    /// Its slot's content is not valid: memory was overwritten, or a side's program is wrong. The
    /// link is not to be trusted any more.
    Content(Failure),
    /// The unit does not take it; the next one may be taken.
    Batch(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Batch(failure)
    }
}

/// Makes a read batch the engine's: its payload and the client metadata as transport headers. What
/// a projected batch holds is kept by the port, and, in a unit with members that look at it, what
/// came with the call.
pub(crate) fn decode(
    batch: link::Batch,
    port: &Port,
) -> Result<(OtapPayload, TransportHeaders), Refusal> {
    let bad = |error: strait_records::Error| {
        let message = format!("the batch cannot be read: {error}");
        match error.kind() {
            ErrorKind::Content => Refusal::Content(Failure::new(Class::Unavailable, message)),
            _ => Refusal::Batch(Failure::new(Class::Permanent, message)),
        }
    };
    let header = *batch.content.header();
    let signal = match header.signal {
        Signal::Logs => SignalType::Logs,
        Signal::Traces => SignalType::Traces,
        Signal::Metrics => SignalType::Metrics,
        other => return Err(unsupported(format!("signal {other:?}")).into()),
    };
    let view = batch.content.view().map_err(bad)?;
    let headers = headers(&view);
    if port.settings.has_components {
        let end = CancelHandle::new();
        let context = context::read(&view, batch.deadline, &end);
        port.contexts.begin(batch.call_id, context, end);
    }
    let payload = match header.encoding {
        Encoding::Otlp if !header.projected => {
            OtlpProtoBytes::new_from_bytes(signal, batch.content.payload().map_err(bad)?).into()
        }
        Encoding::Records => {
            let schemas = port.schemas.borrow();
            let tables = batch.content.records(&schemas).map_err(bad)?;
            let tables = if header.projected {
                port.originals.admit(batch.call_id, tables)?
            } else {
                tables
            };
            records(signal, tables)?.into()
        }
        other if header.projected => {
            let what = format!("projected batches of encoding {other:?}");
            return Err(unsupported(what).into());
        }
        other => return Err(unsupported(format!("encoding {other:?}")).into()),
    };
    Ok((payload, headers))
}

fn unsupported(what: String) -> Failure {
    Failure::new(
        Class::Permanent,
        format!("a unit of this kind does not take {what}"),
    )
}

fn records(
    signal: SignalType,
    tables: Vec<(u16, arrow_array::RecordBatch)>,
) -> Result<OtapArrowRecords, Failure> {
    let mut records = match signal {
        SignalType::Logs => OtapArrowRecords::Logs(Logs::default()),
        SignalType::Traces => OtapArrowRecords::Traces(Traces::default()),
        SignalType::Metrics => OtapArrowRecords::Metrics(Metrics::default()),
    };
    for (payload, table) in tables {
        let wrong = |what: String| {
            Failure::new(
                Class::Permanent,
                format!("the batch cannot be read: payload {payload} {what}"),
            )
        };
        let kind = ArrowPayloadType::try_from(i32::from(payload))
            .map_err(|_| wrong("is not known".into()))?;
        if !records.allowed_payload_types().contains(&kind) {
            return Err(wrong(format!("does not belong to {signal:?}")));
        }
        if records.get(kind).is_some() {
            return Err(wrong("occurs twice".into()));
        }
        records
            .set(kind, table)
            .map_err(|error| wrong(format!("is refused: {error}")))?;
    }
    Ok(records)
}

/// Client metadata for nodes that look at it. A key that the engine cannot name is left out: what
/// comes out of a call goes on with the caller's own context, which has it.
fn headers(view: &BatchView<'_>) -> TransportHeaders {
    let mut headers = TransportHeaders::with_capacity(view.metadata().count() + 1);
    for (key, values) in view.metadata() {
        let Ok(key) = std::str::from_utf8(key) else {
            continue;
        };
        // Only this side may say which call a batch belongs to.
        if private::is_private(key) {
            continue;
        }
        let Ok(name) = ContextEntryName::try_from(key) else {
            continue;
        };
        for value in values {
            let text = !key.ends_with("-bin") && std::str::from_utf8(value).is_ok();
            headers.push(if text {
                TransportHeader::text(name.clone(), value)
            } else {
                TransportHeader::binary(name.clone(), value)
            });
        }
    }
    headers
}

/// Turns what comes out of the engine into what crosses.
pub(crate) struct Encoder {
    otlp: EncodingPlan,
}

impl Encoder {
    pub(crate) fn new(effect_handler: &EffectHandler<OtapPdata>) -> Result<Self, Error> {
        let otlp =
            effect_handler.resolve_encoding_plan(&PdataEncoding::OTLP, EncodePolicy::default())?;
        Ok(Self { otlp })
    }

    /// Takes the payload out of `pdata`, unless a node before asked to get it back. What comes from
    /// a projected batch becomes a difference; records stay records for a host that reads them. Of
    /// a batch of no call the host is told what its `context` says.
    pub(crate) async fn encode(
        &self,
        effect_handler: &EffectHandler<OtapPdata>,
        pdata: &mut OtapPdata,
        origin: Origin,
        context: &Context,
        port: &Port,
    ) -> Result<Encoded, Failure> {
        let signal = match pdata.signal_type() {
            SignalType::Logs => Signal::Logs,
            SignalType::Traces => Signal::Traces,
            SignalType::Metrics => Signal::Metrics,
        };
        let items = u32::try_from(pdata.num_items()).unwrap_or(u32::MAX);
        let mut payload = if pdata.context_mut().may_return_payload() {
            pdata.payload_ref().clone()
        } else {
            pdata.take_payload()
        };
        let header = |encoding, items| {
            let mut header = Header::new(signal, encoding, items);
            header.call_id = origin.call_id().unwrap_or(0);
            let variable = match origin {
                Origin::Engine => context::write(context, &mut header),
                // The host has what came with the call.
                Origin::Call(_) | Origin::Unwanted => Variable::new(),
            };
            (header, variable)
        };
        if let Some(call_id) = origin.call_id().filter(|id| port.originals.has(*id)) {
            let difference = port.originals.answer(call_id, payload.otap_ref())?;
            let (header, variable) = header(Encoding::Difference, difference.items);
            return Ok(Encoded::Payload(
                header,
                variable,
                difference.payload.into(),
            ));
        }
        if signal == Signal::Logs
            && port.takes_records()
            && let Some(records) = payload.otap_ref()
        {
            let tables = tables(records.clone())?;
            let (header, variable) = header(Encoding::Records, items);
            let plan = port.writer.plan(header, variable, &tables);
            return plan.map(Encoded::Records).map_err(unwritable);
        }
        let bytes = effect_handler
            .encode_owned(&mut payload, &self.otlp)
            .await
            .map_err(|error| {
                Failure::new(
                    Class::Permanent,
                    format!("the batch cannot be encoded: {error}"),
                )
            })?;
        let (header, variable) = header(Encoding::Otlp, items);
        Ok(Encoded::Payload(header, variable, bytes))
    }
}

/// The tables of records, with plain ids.
fn tables(mut records: OtapArrowRecords) -> Result<Tables, Failure> {
    records.decode_transport_optimized_ids().map_err(|error| {
        Failure::new(
            Class::Permanent,
            format!("the batch cannot be encoded: {error}"),
        )
    })?;
    let kinds = records.allowed_payload_types().iter();
    Ok(kinds
        .filter_map(|kind| Some((*kind as u16, records.get(*kind)?.clone())))
        .collect())
}
