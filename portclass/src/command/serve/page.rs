//! The page's files, inside the program.

/// A file.
pub struct File {
    /// The path that it is asked by.
    pub path: &'static str,
    pub content_type: &'static str,
    pub content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($path:literal, $name:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            content: include_bytes!(concat!("../../../page/", $name)),
        }
    };
}

/// All of them. They ask for nothing else.
pub const FILES: [File; 9] = [
    file!("/", "index.html", HTML),
    file!("/page.css", "page.css", CSS),
    file!("/page.js", "page.js", SCRIPT),
    file!("/chart.js", "chart.js", SCRIPT),
    file!("/history.js", "history.js", SCRIPT),
    file!("/table.js", "table.js", SCRIPT),
    file!("/text.js", "text.js", SCRIPT),
    file!("/uplot.css", "uplot.css", CSS),
    file!("/uplot.js", "uplot.js", SCRIPT),
];

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::FILES;

    #[test]
    fn the_page_is_small() {
        let bytes: usize = FILES.iter().map(|file| file.content.len()).sum();
        assert!(bytes <= 150 * 1024, "{bytes} bytes");
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let served: HashSet<&str> = FILES.iter().map(|file| file.path).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        for file in fs::read_dir(folder).expect("the page's folder") {
            let name = file.expect("a file").file_name();
            let name = name.to_str().expect("text");
            if name.ends_with(".js") || name.ends_with(".css") {
                assert!(served.contains(&*format!("/{name}")), "{name}");
            }
        }
    }
}
