//! The only unsafe code of this crate: arrays whose content has been checked here, or is an
//! invariant of a trusted writer, are built without checking it a second time.
#![allow(unsafe_code)]

use arrow_array::types::{ArrowDictionaryKeyType, ByteArrayType};
use arrow_array::{
    ArrayRef, BinaryViewArray, DictionaryArray, GenericByteArray, OffsetSizeTrait, PrimitiveArray,
    StringViewArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// Offsets that are not empty, begin at zero or above and do not decrease.
pub(crate) fn offsets<O: OffsetSizeTrait>(offsets: ScalarBuffer<O>) -> OffsetBuffer<O> {
    // SAFETY: the one caller, `column::Decoder::offsets`, returns an error before it gets here
    // unless there is at least one offset, the first is not negative and none is below the one
    // before it.
    unsafe { OffsetBuffer::new_unchecked(offsets) }
}

/// Strings or binary values. `offsets` end within `values`, text is UTF-8, and `nulls` has one bit
/// per value.
pub(crate) fn bytes<T: ByteArrayType>(
    offsets: OffsetBuffer<T::Offset>,
    values: Buffer,
    nulls: Option<NullBuffer>,
) -> GenericByteArray<T> {
    // SAFETY: `column::text` has checked that the last offset lies within `values`, the offsets do
    // not decrease, and `nulls` is as long as the array. That text is UTF-8 is the invariant S-13
    // of a trusted writer; of all others `column::text` has checked it.
    unsafe { GenericByteArray::new_unchecked(offsets, values, nulls) }
}

/// Text of values that name their bytes, each of which is UTF-8.
pub(crate) fn text_views(array: BinaryViewArray) -> StringViewArray {
    // SAFETY: `array` was built with all its checks, so each value lies in its buffer. That text is
    // UTF-8 is the invariant S-13 of a trusted writer; of all others `column::text` has checked
    // each value.
    unsafe { array.to_string_view_unchecked() }
}

/// A dictionary array all of whose keys that are not null are below the length of `values`.
pub(crate) fn dictionary<K: ArrowDictionaryKeyType>(
    keys: PrimitiveArray<K>,
    values: ArrayRef,
) -> DictionaryArray<K> {
    // SAFETY: `column::Decoder::dictionary` has compared each key that is not null with the length
    // of `values`.
    unsafe { DictionaryArray::new_unchecked(keys, values) }
}
