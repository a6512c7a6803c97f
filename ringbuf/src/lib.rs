//! strait-ringbuf
