//! strait-control
