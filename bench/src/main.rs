//! What portclass costs, measured.

mod live;
mod quartiles;

fn main() -> anyhow::Result<()> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let quick = has("--quick");
    if !has("--no-live") {
        println!("{}", live::measure(quick)?);
    }
    Ok(())
}
