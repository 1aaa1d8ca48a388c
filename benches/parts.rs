// benches
fn main() {}
