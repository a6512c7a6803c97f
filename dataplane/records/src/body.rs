//! What of an array goes into a record's body, and how many bytes that is.
//!
//! Walks an array in Arrow's depth-first order and notes nodes and buffers, cut to what the array
//! uses of them: slices lose what they do not show, offsets are rebased to zero when written.
//! Nothing is copied here, with the exception of the run ends of a sliced run-end encoded array.
//! Dictionaries are noted for records of their own.

use crate::slot::ALIGN;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

/// Where the bytes of a buffer come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// None.
    Empty,
    /// As they are.
    Bytes(Buffer),
    /// Bits from anywhere, moved to the first bit of a byte.
    Bits(BooleanBuffer),
    /// Offsets of which the first is subtracted.
    Offsets32(ScalarBuffer<i32>),
    /// Offsets of which the first is subtracted.
    Offsets64(ScalarBuffer<i64>),
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(buffer) => buffer.len(),
            Self::Bits(bits) => bits.len().div_ceil(8),
            Self::Offsets32(offsets) => offsets.len() * 4,
            Self::Offsets64(offsets) => offsets.len() * 8,
        }
    }

    /// Writes the bytes to `to`, which is as long as they are.
    fn write(&self, to: &mut [u8]) {
        match self {
            Self::Empty => {}
            Self::Bytes(buffer) => to.copy_from_slice(buffer),
            Self::Bits(bits) => write_bits(bits, to),
            Self::Offsets32(offsets) => {
                let base = offsets.first().copied().unwrap_or_default();
                for (to, offset) in to.chunks_exact_mut(4).zip(offsets) {
                    to.copy_from_slice(&(offset - base).to_le_bytes());
                }
            }
            Self::Offsets64(offsets) => {
                let base = offsets.first().copied().unwrap_or_default();
                for (to, offset) in to.chunks_exact_mut(8).zip(offsets) {
                    to.copy_from_slice(&(offset - base).to_le_bytes());
                }
            }
        }
    }
}

fn write_bits(bits: &BooleanBuffer, to: &mut [u8]) {
    if bits.offset().is_multiple_of(8) {
        let from = bits.offset() / 8;
        to.copy_from_slice(&bits.values()[from..from + to.len()]);
    } else {
        let chunks = bits.bit_chunks();
        for (to, word) in to.chunks_mut(8).zip(chunks.iter_padded()) {
            to.copy_from_slice(&word.to_le_bytes()[..to.len()]);
        }
    }
    // Bits behind the last value are whatever the source had there.
    if let Some(last) = to.last_mut()
        && !bits.len().is_multiple_of(8)
    {
        *last &= (1 << (bits.len() % 8)) - 1;
    }
}

/// Nodes and buffers of one record's body, in order.
#[derive(Debug, Default)]
pub(crate) struct Body {
    nodes: Vec<(u64, u64)>,
    buffers: Vec<Source>,
    variadic: Vec<i64>,
    len: usize,
}

impl Body {
    /// Notes an array; dictionaries' values are added to `dictionaries` in depth-first order.
    ///
    /// Fails with the reason if the array has a type that cannot be written.
    pub(crate) fn add(
        &mut self,
        array: &dyn Array,
        dictionaries: &mut Vec<ArrayRef>,
    ) -> Result<(), String> {
        downcast_primitive_array!(
            array => self.primitive(array),
            DataType::Boolean => {
                let array = array.as_boolean();
                self.node(array.len(), array.nulls());
                self.push(Source::Bits(array.values().clone()));
            }
            DataType::Utf8 => self.bytes(array.as_bytes::<Utf8Type>()),
            DataType::Binary => self.bytes(array.as_bytes::<BinaryType>()),
            DataType::LargeUtf8 => self.bytes(array.as_bytes::<LargeUtf8Type>()),
            DataType::LargeBinary => self.bytes(array.as_bytes::<LargeBinaryType>()),
            DataType::FixedSizeBinary(_) => {
                let array = array.as_fixed_size_binary();
                self.node(array.len(), array.nulls());
                let len = array.len() * array.value_length().as_usize();
                self.push(Source::Bytes(array.values().slice_with_length(0, len)));
            }
            DataType::Dictionary(_, _) => {
                let array = array.as_any_dictionary();
                self.add(array.keys(), dictionaries)?;
                dictionaries.push(array.values().clone());
            }
            DataType::Struct(_) => {
                let array = array.as_struct();
                self.node(array.len(), array.nulls());
                for column in array.columns() {
                    self.add(column, dictionaries)?;
                }
            }
            DataType::List(_) => self.list(array.as_list::<i32>(), dictionaries)?,
            DataType::LargeList(_) => self.list(array.as_list::<i64>(), dictionaries)?,
            _ => self.rare(array, dictionaries)?,
        );
        Ok(())
    }

    /// Types that telemetry records do not have.
    fn rare(&mut self, array: &dyn Array, dictionaries: &mut Vec<ArrayRef>) -> Result<(), String> {
        match array.data_type() {
            DataType::Null => self.nodes.push((array.len() as u64, array.len() as u64)),
            DataType::Utf8View => self.view(array.as_byte_view::<StringViewType>()),
            DataType::BinaryView => self.view(array.as_byte_view::<BinaryViewType>()),
            DataType::FixedSizeList(_, _) => {
                let array = array.as_fixed_size_list();
                self.node(array.len(), array.nulls());
                let size = array.value_length().as_usize();
                self.add(&array.values().slice(0, array.len() * size), dictionaries)?;
            }
            DataType::Map(_, _) => {
                let array = array.as_map();
                self.node(array.len(), array.nulls());
                let (first, last) = self.offsets(array.offsets().inner());
                self.add(&array.entries().slice(first, last - first), dictionaries)?;
            }
            DataType::ListView(_) => self.list_view(array.as_list_view::<i32>(), dictionaries)?,
            DataType::LargeListView(_) => {
                self.list_view(array.as_list_view::<i64>(), dictionaries)?;
            }
            DataType::Union(fields, _) => {
                let array = array.as_union();
                self.nodes.push((array.len() as u64, 0));
                self.push(Source::Bytes(array.type_ids().inner().clone()));
                if let Some(offsets) = array.offsets() {
                    self.push(Source::Bytes(offsets.inner().clone()));
                }
                for (id, _) in fields.iter() {
                    self.add(array.child(id), dictionaries)?;
                }
            }
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => self.runs::<Int16Type>(array, dictionaries)?,
                DataType::Int32 => self.runs::<Int32Type>(array, dictionaries)?,
                _ => self.runs::<Int64Type>(array, dictionaries)?,
            },
            other => return Err(format!("type {other} is not supported")),
        }
        Ok(())
    }

    fn node(&mut self, len: usize, nulls: Option<&NullBuffer>) {
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let count = nulls.map_or(0, NullBuffer::null_count);
        self.nodes.push((len as u64, count as u64));
        self.push(match nulls {
            Some(nulls) => Source::Bits(nulls.inner().clone()),
            None => Source::Empty,
        });
    }

    fn push(&mut self, source: Source) {
        self.len += source.len().next_multiple_of(ALIGN);
        self.buffers.push(source);
    }

    fn scalars<T: ArrowNativeType>(&mut self, values: &ScalarBuffer<T>) {
        let len = size_of_val::<[T]>(values);
        self.push(Source::Bytes(values.inner().slice_with_length(0, len)));
    }

    fn primitive<T: ArrowPrimitiveType>(&mut self, array: &PrimitiveArray<T>) {
        self.node(array.len(), array.nulls());
        self.scalars(array.values());
    }

    /// Notes offsets, and returns the first and the last.
    fn offsets<O: OffsetSizeTrait>(&mut self, offsets: &ScalarBuffer<O>) -> (usize, usize) {
        let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
        let bytes = offsets.inner().clone();
        self.push(if first == 0 {
            Source::Bytes(bytes.slice_with_length(0, size_of_val::<[O]>(offsets)))
        } else if O::IS_LARGE {
            Source::Offsets64(ScalarBuffer::new(bytes, 0, offsets.len()))
        } else {
            Source::Offsets32(ScalarBuffer::new(bytes, 0, offsets.len()))
        });
        (first, last)
    }

    fn bytes<T: ByteArrayType>(&mut self, array: &GenericByteArray<T>) {
        self.node(array.len(), array.nulls());
        let (first, last) = self.offsets(array.offsets().inner());
        self.push(Source::Bytes(
            array.values().slice_with_length(first, last - first),
        ));
    }

    fn list<O: OffsetSizeTrait>(
        &mut self,
        array: &GenericListArray<O>,
        dictionaries: &mut Vec<ArrayRef>,
    ) -> Result<(), String> {
        self.node(array.len(), array.nulls());
        let (first, last) = self.offsets(array.offsets().inner());
        self.add(&array.values().slice(first, last - first), dictionaries)
    }

    fn view<T: ByteViewType>(&mut self, array: &GenericByteViewArray<T>) {
        self.node(array.len(), array.nulls());
        self.scalars(array.views());
        for buffer in array.data_buffers().iter() {
            self.push(Source::Bytes(buffer.clone()));
        }
        self.variadic.push(array.data_buffers().len() as i64);
    }

    fn list_view<O: OffsetSizeTrait>(
        &mut self,
        array: &GenericListViewArray<O>,
        dictionaries: &mut Vec<ArrayRef>,
    ) -> Result<(), String> {
        self.node(array.len(), array.nulls());
        self.scalars(array.offsets());
        self.scalars(array.sizes());
        self.add(array.values(), dictionaries)
    }

    fn runs<R: RunEndIndexType>(
        &mut self,
        array: &dyn Array,
        dictionaries: &mut Vec<ArrayRef>,
    ) -> Result<(), String> {
        let array = array.as_run::<R>();
        self.nodes.push((array.len() as u64, 0));
        let (first, count) = if array.is_empty() {
            (0, 0)
        } else {
            let first = array.get_start_physical_index();
            (first, array.get_end_physical_index() + 1 - first)
        };
        let ends = array.run_ends();
        let ends: Vec<R::Native> = ends.values()[first..first + count]
            .iter()
            .map(|end| {
                end.as_usize()
                    .saturating_sub(ends.offset())
                    .min(array.len())
            })
            .map(R::Native::usize_as)
            .collect();
        self.primitive(&PrimitiveArray::<R>::new(ScalarBuffer::from(ends), None));
        self.add(&array.values().slice(first, count), dictionaries)
    }

    /// Bytes of the body, a multiple of 64.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What a template for this body needs places for.
    pub(crate) fn shape(&self) -> crate::template::Shape<'_> {
        crate::template::Shape {
            nodes: self.nodes.len(),
            buffers: self.buffers.len(),
            variadic: &self.variadic,
        }
    }

    /// Length and null count of each node.
    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.nodes.iter().copied()
    }

    /// Offset and length of each buffer in the body.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = (u64, u64)> {
        self.placed()
            .map(|(at, source)| (at as u64, source.len() as u64))
    }

    fn placed(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.buffers.iter().scan(0, |next, source| {
            let at = *next;
            *next += source.len().next_multiple_of(ALIGN);
            Some((at, source))
        })
    }

    /// Writes the body to `to`, which is as long as the body; what pads the buffers becomes zero.
    pub(crate) fn write(&self, to: &mut [u8]) {
        for (at, source) in self.placed() {
            let (data, end) = (
                at + source.len(),
                (at + source.len()).next_multiple_of(ALIGN),
            );
            source.write(&mut to[at..data]);
            to[data..end].fill(0);
        }
    }
}
