//! strait-component
