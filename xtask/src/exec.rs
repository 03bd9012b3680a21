//! Running ordinary tools, each command line printed first.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

/// Prints the command line and runs it to its end.
///
/// # Errors
///
/// The program cannot be started, or does not exit with status 0.
pub fn exec(command: &mut Command) -> Result<()> {
    print(command);
    let program = command.get_program().to_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(status.success(), "{}: {status}", program.display());
    Ok(())
}

/// Runs the command without a word and gives back what it wrote to its standard output.
///
/// # Errors
///
/// The program cannot be started, does not exit with status 0 or writes no UTF-8.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{}: {}: {}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// A program on the path, or where Debian keeps those for root.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    directories
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

/// Prints the command line to standard error.
pub fn print(command: &Command) {
    eprintln!("$ {}", line(command));
}

/// The command line, as a shell would read it.
pub fn line(command: &Command) -> String {
    // Whoever repeats the command has a search path, and nobody reads this one.
    let variables = command.get_envs().filter(|(name, _)| *name != "PATH");
    let variables = variables.filter_map(|(name, value)| {
        Some(format!(
            "{}={}",
            name.display(),
            quoted(&value?.to_string_lossy())
        ))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| quoted(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{line, quoted};

    #[test]
    fn a_command_line_has_variables_and_quoted_words_and_no_search_path() {
        let mut command = Command::new("cargo");
        command
            .args(["doc", "--no deps"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env("PATH", "/bin");
        command.env_remove("RUSTC");
        assert_eq!(
            line(&command),
            "RUSTDOCFLAGS='-D warnings' cargo doc '--no deps'"
        );
    }

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        assert_eq!(
            quoted("target/release/portclass"),
            "target/release/portclass"
        );
        assert_eq!(quoted("-C debuginfo=2"), "'-C debuginfo=2'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
