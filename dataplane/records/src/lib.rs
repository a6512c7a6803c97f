//! strait-records
