//! What the two ends of a pipeline have in common.

use crate::ambient;
use crate::calls::Port;
use otel_arrow_dfe_config::error::Error as ConfigError;
use std::rc::Rc;

/// The port of the lane that an end is made for.
pub(crate) fn find_port() -> Result<Rc<Port>, ConfigError> {
    ambient::port().ok_or_else(|| ConfigError::InvalidUserConfig {
        error: "no lane on this thread: the ends run inside a Strait lane only".into(),
    })
}
