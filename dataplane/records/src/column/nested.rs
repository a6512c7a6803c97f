//! Arrays with children: lists, structs, maps, unions, runs.
//!
//! Guarantees and leaves as [`super`]: lengths, offsets and run ends are checked before an array is
//! built.

use super::{Decoder, built, check_end, refused, same_length};
use crate::errors::Problem;
use arrow_array::*;
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, FieldRef, Fields, UnionFields, UnionMode};

impl Decoder<'_> {
    pub(super) fn list<O: OffsetSizeTrait>(
        &mut self,
        field: &FieldRef,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets::<O>(node.len)?;
        let child = self.array(field.data_type())?;
        check_end(&offsets, child.len())?;
        built(GenericListArray::<O>::try_new(
            field.clone(),
            offsets,
            child,
            nulls,
        ))
    }

    pub(super) fn structure(&mut self, fields: &Fields) -> Result<StructArray, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let mut children = Vec::with_capacity(fields.len());
        for field in fields {
            let child = self.array(field.data_type())?;
            same_length(child.len(), node.len)?;
            children.push(child);
        }
        StructArray::try_new_with_length(fields.clone(), children, nulls, node.len).map_err(refused)
    }

    pub(super) fn fixed_size_list(
        &mut self,
        field: &FieldRef,
        size: i32,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let child = self.array(field.data_type())?;
        let expected = usize::try_from(size)
            .ok()
            .and_then(|size| size.checked_mul(node.len));
        same_length(child.len(), expected.unwrap_or(usize::MAX))?;
        let field = field.clone();
        built(FixedSizeListArray::try_new_with_length(
            field, size, child, nulls, node.len,
        ))
    }

    pub(super) fn map(&mut self, field: &FieldRef, sorted: bool) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets::<i32>(node.len)?;
        let DataType::Struct(fields) = field.data_type() else {
            return Err(Problem::Arrow(format!("a map of {}", field.data_type())));
        };
        let entries = self.structure(fields)?;
        check_end(&offsets, entries.len())?;
        built(MapArray::try_new(
            field.clone(),
            offsets,
            entries,
            nulls,
            sorted,
        ))
    }

    pub(super) fn list_view<O: OffsetSizeTrait>(
        &mut self,
        field: &FieldRef,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.scalars::<O>(node.len)?;
        let sizes = self.scalars::<O>(node.len)?;
        let negative = |values: &ScalarBuffer<O>| values.iter().any(|value| *value < O::zero());
        if negative(&offsets) || negative(&sizes) {
            return Err(Problem::Arrow(
                "a list view has a negative offset or size".to_owned(),
            ));
        }
        let child = self.array(field.data_type())?;
        built(GenericListViewArray::<O>::try_new(
            field.clone(),
            offsets,
            sizes,
            child,
            nulls,
        ))
    }

    pub(super) fn union(
        &mut self,
        fields: &UnionFields,
        mode: UnionMode,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let ids = self.scalars::<i8>(node.len)?;
        let offsets = match mode {
            UnionMode::Dense => Some(self.scalars::<i32>(node.len)?),
            UnionMode::Sparse => None,
        };
        let children: Result<Vec<_>, _> = fields
            .iter()
            .map(|(_, field)| self.array(field.data_type()))
            .collect();
        built(UnionArray::try_new(fields.clone(), ids, offsets, children?))
    }

    pub(super) fn run_end_encoded(
        &mut self,
        data_type: &DataType,
        ends: &FieldRef,
        values: &FieldRef,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let ends = self.array(ends.data_type())?;
        let values = self.array(values.data_type())?;
        if ends.null_count() != 0 || (node.len > 0 && ends.is_empty()) {
            return Err(Problem::Arrow("run ends are missing".to_owned()));
        }
        let data = arrow_data::ArrayDataBuilder::new(data_type.clone())
            .len(node.len)
            .add_child_data(ends.to_data())
            .add_child_data(values.to_data())
            .build()
            .map_err(refused)?;
        Ok(make_array(data))
    }
}
