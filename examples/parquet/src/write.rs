//! What becomes of a batch: a file for each partition that it has logs of.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{self, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use strait_component::prelude::*;

use crate::partition::partitioned;
use crate::store::{Store, Unfinished};
use crate::{Compression, Config, table};

/// Writes batches, one after the other.
pub(crate) struct Writer {
    config: Config,
    properties: WriterProperties,
    /// Opened by the first batch, and anew after an error.
    store: Option<Store>,
}

impl Writer {
    pub(crate) fn new(config: Config) -> Self {
        let compression = match config.compression {
            Compression::Zstd => basic::Compression::ZSTD(ZstdLevel::default()),
            Compression::None => basic::Compression::UNCOMPRESSED,
        };
        let properties = WriterProperties::builder().set_compression(compression);
        Self {
            config,
            properties: properties.build(),
            store: None,
        }
    }

    /// Returns when every log of the batch is durable, or none is visible. Blocks.
    pub(crate) fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let written = self.files(batch);
        if written.is_err() {
            self.store = None;
        }
        written.map_err(|failed| match failed {
            Failed::File(error) => {
                Error::retryable(format!("folder {}: {error}", self.config.folder))
            }
            Failed::Batch(error) => Error::permanent(error),
            Failed::Caller => Error::retryable("the caller had left before all was written"),
        })
    }

    /// Removes what is unfinished.
    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    fn files(&mut self, batch: &Batch) -> Result<(), Failed> {
        let store = match &mut self.store {
            Some(store) => store,
            closed => closed.insert(Store::open(Path::new(&self.config.folder))?),
        };
        let mut files: Vec<Unfinished> = Vec::new();
        for (partition, rows) in partitioned(batch, &self.config) {
            let records = table::of_rows(batch, &rows).map_err(ParquetError::from)?;
            let (file, unfinished) = store.create(&partition.folder(&self.config))?;
            files.push(unfinished);
            written(file, &records, self.properties.clone())?;
        }
        // Nobody would learn that it is there: who tried again would write it twice.
        if batch.context().is_cancelled() {
            return Err(Failed::Caller);
        }
        Ok(store.commit(files)?)
    }
}

/// Writes a whole file, and makes it durable.
fn written(file: File, records: &RecordBatch, how: WriterProperties) -> Result<(), Failed> {
    let mut writer = ArrowWriter::try_new(BufWriter::new(file), records.schema(), Some(how))?;
    writer.write(records)?;
    let file = writer.into_inner()?.into_inner();
    file.map_err(io::Error::from)?.sync_all()?;
    Ok(())
}

enum Failed {
    /// The file system: it may have room, or be there, later.
    File(io::Error),
    /// The batch cannot be in a Parquet file.
    Batch(String),
    /// The caller does not wait any more.
    Caller,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<ParquetError> for Failed {
    fn from(error: ParquetError) -> Self {
        let of_file = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>());
        match of_file {
            Some(cause) => Self::File(io::Error::new(cause.kind(), error.to_string())),
            None => Self::Batch(error.to_string()),
        }
    }
}
