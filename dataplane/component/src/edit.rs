//! Changing a column's values: text, or bytes, plain or behind a dictionary.
//!
//! Nothing is built before the first value differs. A dictionary is edited by its
//! values, so that a text is edited once however many rows use it; only where rows
//! that must keep a value share it with rows that are edited does the edited value
//! get an entry, and those rows keys, of its own.

use std::sync::Arc;

use arrow_array::types::{ArrowDictionaryKeyType, ByteArrayType, UInt8Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, DictionaryArray, GenericByteArray, PrimitiveArray,
    RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};
use arrow_schema::{ArrowError, DataType, Schema};
use arrow_select::{concat::concat, take::take};

/// What an edit may do to each row of a column. A row in neither set has no value
/// that counts (its type says that the value is in another column).
pub(crate) struct Rows {
    /// Rows whose values are edited.
    pub(crate) edited: BooleanBuffer,
    /// Rows whose values must stay. None: there are no such rows.
    pub(crate) kept: Option<BooleanBuffer>,
}

/// Edits one value: appends the new one and answers true, or answers false and
/// appends nothing. The first argument is the value's place, for messages.
pub(crate) type EditValue<'e, V, E> = &'e mut dyn FnMut(usize, &V, &mut Vec<u8>) -> Result<bool, E>;

/// Edits a column of `T`s. Answers none when no value differs; then nothing was
/// built. The new column may be encoded otherwise, where a dictionary got too long.
pub(crate) fn edit_column<T, E>(
    column: &ArrayRef,
    rows: &Rows,
    edit: EditValue<'_, T::Native, E>,
) -> Result<Option<ArrayRef>, E>
where
    T: ByteArrayType<Offset = i32>,
    E: From<ArrowError>,
{
    let any = column.as_any();
    if let Some(plain) = any.downcast_ref::<GenericByteArray<T>>() {
        let changes = Changes::find(plain, rows.edited.set_indices(), edit)?;
        if changes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(splice(plain, &changes)?)))
    } else if let Some(dictionary) = any.downcast_ref::<DictionaryArray<UInt8Type>>() {
        edit_dictionary::<_, T, E>(dictionary, rows, edit)
    } else if let Some(dictionary) = any.downcast_ref::<DictionaryArray<UInt16Type>>() {
        edit_dictionary::<_, T, E>(dictionary, rows, edit)
    } else {
        Ok(None)
    }
}

/// New values for some places of an array, in the places' order.
#[derive(Default)]
struct Changes {
    bytes: Vec<u8>,
    /// Each place, and where its bytes end.
    places: Vec<(usize, usize)>,
}

impl Changes {
    fn find<T: ByteArrayType, E>(
        array: &GenericByteArray<T>,
        places: impl Iterator<Item = usize>,
        edit: EditValue<'_, T::Native, E>,
    ) -> Result<Self, E> {
        let mut changes = Self::default();
        for place in places.filter(|&place| array.is_valid(place)) {
            if edit(place, array.value(place), &mut changes.bytes)? {
                changes.places.push((place, changes.bytes.len()));
            }
        }
        Ok(changes)
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.places.iter().map(|(_, end)| *end));
        starts
            .zip(&self.places)
            .map(|(start, &(place, end))| (place, &self.bytes[start..end]))
    }

    /// The changes at places that `keep` holds for, and the others.
    fn partition(&self, keep: impl Fn(usize) -> bool) -> (Self, Self) {
        let mut parts = (Self::default(), Self::default());
        for (place, bytes) in self.iter() {
            let part = if keep(place) {
                &mut parts.0
            } else {
                &mut parts.1
            };
            part.bytes.extend_from_slice(bytes);
            part.places.push((place, part.bytes.len()));
        }
        parts
    }

    /// The new values alone, as an array.
    fn to_array<T: ByteArrayType<Offset = i32>>(&self) -> Result<GenericByteArray<T>, ArrowError> {
        let lengths = std::iter::once(Ok(0)).chain(self.places.iter().map(|p| offset(p.1)));
        let offsets = lengths.collect::<Result<Vec<_>, _>>()?;
        build(offsets, self.bytes.clone(), None)
    }
}

/// The array with the changes in it. Runs between them are copied as they are.
fn splice<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    changes: &Changes,
) -> Result<GenericByteArray<T>, ArrowError> {
    let old = array.value_offsets();
    let end = |place: usize| old[place].as_usize();
    let mut bytes = Vec::with_capacity(end(array.len()) - end(0) + changes.bytes.len());
    let mut offsets = Vec::with_capacity(old.len());
    let mut next = 0;
    let run = |offsets: &mut Vec<i32>, bytes: &mut Vec<u8>, from: usize, to: usize| {
        let base = bytes.len();
        bytes.extend_from_slice(&array.value_data()[end(from)..end(to)]);
        offset(bytes.len())?;
        for place in from..to {
            offsets.push(offset(base + end(place) - end(from))?);
        }
        Ok::<_, ArrowError>(())
    };
    for (place, new) in changes.iter() {
        run(&mut offsets, &mut bytes, next, place)?;
        offsets.push(offset(bytes.len())?);
        bytes.extend_from_slice(new);
        next = place + 1;
    }
    run(&mut offsets, &mut bytes, next, array.len())?;
    offsets.push(offset(bytes.len())?);
    build(offsets, bytes, array.nulls().cloned())
}

fn offset(length: usize) -> Result<i32, ArrowError> {
    i32::try_from(length).map_err(|_| ArrowError::OffsetOverflowError(length))
}

fn build<T: ByteArrayType<Offset = i32>>(
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Result<GenericByteArray<T>, ArrowError> {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    GenericByteArray::try_new(offsets, Buffer::from_vec(bytes), nulls)
}

fn edit_dictionary<K, T, E>(
    column: &DictionaryArray<K>,
    rows: &Rows,
    edit: EditValue<'_, T::Native, E>,
) -> Result<Option<ArrayRef>, E>
where
    K: ArrowDictionaryKeyType<Native: Into<usize>>,
    T: ByteArrayType<Offset = i32>,
    E: From<ArrowError>,
{
    let Some(values) = column
        .values()
        .as_any()
        .downcast_ref::<GenericByteArray<T>>()
    else {
        return Ok(None);
    };
    let edited = used(column, &rows.edited);
    let places = (0..values.len()).filter(|&place| edited[place]);
    let changes = Changes::find(values, places, edit)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let kept = rows.kept.as_ref().map(|kept| used(column, kept));
    let is_kept = |place: usize| kept.as_ref().is_some_and(|kept| kept[place]);
    let (added, replaced) = changes.partition(is_kept);
    let replaced = if replaced.is_empty() {
        values.clone()
    } else {
        splice(values, &replaced)?
    };
    if added.is_empty() {
        let keys = column.keys().clone();
        return Ok(Some(Arc::new(DictionaryArray::try_new(
            keys,
            Arc::new(replaced),
        )?)));
    }
    Ok(Some(append(column, &replaced, &added, &rows.edited)?))
}

/// Which of the dictionary's values the rows use.
fn used<K>(column: &DictionaryArray<K>, rows: &BooleanBuffer) -> Vec<bool>
where
    K: ArrowDictionaryKeyType<Native: Into<usize>>,
{
    let mut used = vec![false; column.values().len()];
    let keys = column.keys();
    for row in rows.set_indices() {
        if keys.is_valid(row)
            && let Some(used) = used.get_mut(keys.value(row).into())
        {
            *used = true;
        }
    }
    used
}

/// The column with `added` behind the dictionary's values, used by `edited` rows
/// in place of those they are changes of. Wider keys, or none, where they no
/// longer fit.
fn append<K, T>(
    column: &DictionaryArray<K>,
    values: &GenericByteArray<T>,
    added: &Changes,
    edited: &BooleanBuffer,
) -> Result<ArrayRef, ArrowError>
where
    K: ArrowDictionaryKeyType<Native: Into<usize>>,
    T: ByteArrayType<Offset = i32>,
{
    let mut moved: Vec<usize> = (0..values.len()).collect();
    for (nth, (place, _)) in added.places.iter().enumerate() {
        moved[*place] = values.len() + nth;
    }
    let values = concat(&[values, &added.to_array::<T>()?])?;
    let keys: Vec<Option<usize>> = (0..column.len())
        .map(|row| {
            let key = column
                .keys()
                .is_valid(row)
                .then(|| column.keys().value(row).into())?;
            if edited.value(row) {
                moved.get(key).copied()
            } else {
                Some(key)
            }
        })
        .collect();
    encode(&K::DATA_TYPE, &keys, values)
}

/// A column of the values that the keys name, behind a dictionary whose keys are as wide as
/// `key_type` or wider; plain where they no longer fit.
pub(crate) fn encode(
    key_type: &DataType,
    keys: &[Option<usize>],
    values: ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    match key_type {
        DataType::UInt8 if values.len() <= 1 << 8 => with_keys::<UInt8Type>(keys, values),
        _ if values.len() <= 1 << 16 => with_keys::<UInt16Type>(keys, values),
        _ => {
            let keys = keys.iter().map(|key| key.map(|key| key as u32));
            take(&values, &UInt32Array::from_iter(keys), None)
        }
    }
}

/// A dictionary column; every key fits, because the caller has checked the length.
fn with_keys<K>(keys: &[Option<usize>], values: ArrayRef) -> Result<ArrayRef, ArrowError>
where
    K: ArrowDictionaryKeyType + ArrowPrimitiveType<Native: TryFrom<usize>>,
{
    let keys = keys
        .iter()
        .map(|key| key.and_then(|key| K::Native::try_from(key).ok()));
    let keys = PrimitiveArray::<K>::from_iter(keys);
    Ok(Arc::new(DictionaryArray::try_new(keys, values)?))
}

/// The table with another array in column `index`. The schema stays the same
/// object unless the type differs.
pub(crate) fn replace_column(
    records: &RecordBatch,
    index: usize,
    array: ArrayRef,
) -> Result<RecordBatch, ArrowError> {
    let mut schema = records.schema();
    let field = schema.field(index);
    if field.data_type() != array.data_type() {
        let mut fields = schema.fields().to_vec();
        fields[index] = Arc::new(field.clone().with_data_type(array.data_type().clone()));
        schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    }
    let mut columns = records.columns().to_vec();
    columns[index] = array;
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}
