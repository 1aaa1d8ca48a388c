//! TODO
/// TODO
#[derive(Debug, Clone)]
pub struct Shell;
/// TODO
#[derive(Debug, Clone)]
pub struct Resolver;
