//! strait-host
