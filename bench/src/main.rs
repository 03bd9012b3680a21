//! What portclass costs, measured.

mod live;
mod quartiles;
mod start;

fn main() -> anyhow::Result<()> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let quick = has("--quick");
    if !has("--no-live") {
        println!("{}", live::measure(quick)?);
    }
    if !has("--no-start") {
        print!("{}", start::measure(quick)?);
    }
    Ok(())
}
