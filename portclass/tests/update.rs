//! `portclass registry update` against a server of the test's own.

mod update {
    pub mod world;
}

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::Arc,
    thread,
};

use update::world::{BEHIND_PROXY, HEADER, Updated, World, ok, raw, read, registry};

#[test]
fn a_file_is_replaced_and_what_changed_is_shown() {
    let new = registry(&["one", "zwei", "three"]);
    let world = World::answering(ok(&*new)).with_file(registry(&["one", "two"]));
    let updated = world.update(&[]);
    updated.succeeded(&[
        "registry.csv: 3 records written",
        "--registry registry.csv --registry-date 2026-11-20",
    ]);
    let rows: Vec<Vec<&str>> = updated
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[1], ["added", "3", "tcp", "not-listed", "three"]);
    assert_eq!(rows[2], ["renamed", "2", "tcp", "two", "zwei"]);
    let totals = format!(
        "registry.csv to {} (2026-11-20): 1 added, 0 removed, 1 renamed, 0 status, 0 amended",
        world.url()
    );
    assert_eq!(updated.stdout.lines().last(), Some(&*totals));
    assert_eq!(read(&world.file()), new);
    assert_eq!(world.files(), ["registry.csv"]);
}

#[test]
fn a_file_that_does_not_exist_yet_is_held_against_the_shipped_registry() {
    let shipped =
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/service-names-port-numbers.csv"));
    let new = shipped + "one-more,48900,tcp,,,,,,,,,\n";
    let world = World::answering(ok(&*new));
    let updated = Updated::of(world.command(&["--from", &world.url()]));
    updated.succeeded(&["service-names-port-numbers.csv: 14,"]);
    assert!(updated.stdout.contains("one-more"), "{}", updated.stdout);
    assert!(
        updated
            .stdout
            .contains("the shipped registry (2024-06-12) to https://"),
        "{}",
        updated.stdout
    );
    assert_eq!(world.files(), ["service-names-port-numbers.csv"]);
    assert_eq!(
        read(&world.folder.path().join("service-names-port-numbers.csv")),
        new
    );
}

#[test]
fn the_file_may_be_named_by_the_option_or_the_environment() {
    let new = registry(&["one", "two", "three"]);
    let world = World::answering(ok(&*new)).with_file(registry(&["one", "two"]));
    let url = world.url();
    Updated::of(world.command(&["--registry", "registry.csv", "--from", &url]))
        .succeeded(&["registry.csv: 3 records written"]);
    let mut command = world.command(&["--from", &url]);
    command.env("PORTCLASS_REGISTRY", "registry.csv");
    Updated::of(command).succeeded(&["registry.csv: is the same as https://127.0.0.1:"]);
    world.unchanged(&new);
}

#[test]
fn a_file_that_is_the_same_is_not_written_again() {
    let old = registry(&["one", "two"]);
    let world = World::answering(ok(&*old)).with_file(&old);
    let before = fs::metadata(world.file()).expect("the file").modified();
    let updated = world.update(&[]);
    updated.succeeded(&["is the same as", "nothing was changed"]);
    assert_eq!(updated.stdout, "");
    let after = fs::metadata(world.file()).expect("the file").modified();
    assert_eq!(before.expect("a time"), after.expect("a time"));
    world.unchanged(&old);
}

#[test]
fn a_dry_run_shows_what_changed_and_writes_nothing() {
    let old = registry(&["one", "two"]);
    let world = World::answering(ok(registry(&["one", "zwei"]))).with_file(&old);
    let updated = world.update(&["--dry-run"]);
    updated.succeeded(&["not written"]);
    assert!(updated.stdout.contains("zwei"), "{}", updated.stdout);
    world.unchanged(&old);
}

#[test]
fn a_closed_stdout_does_not_keep_the_file_from_being_replaced() {
    let new = registry(&["one", "zwei"]);
    let world = World::answering(ok(&*new)).with_file(registry(&["one", "two"]));
    let mut child = world
        .command(&["registry.csv", "--from", &world.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("portclass starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("its end").success());
    assert_eq!(read(&world.file()), new);
}

#[test]
fn redirects_are_followed_to_https_and_not_to_http() {
    let new = registry(&["one", "zwei"]);
    let found = ok(&*new);
    let world = World::answering(Arc::new(move |request, out| {
        if request.starts_with("GET /there ") {
            return found(request, out);
        }
        out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
    }))
    .with_file(registry(&["one", "two"]));
    world.update(&[]).succeeded(&["2 records written"]);
    assert_eq!(read(&world.file()), new);

    World::answering(raw(
        "HTTP/1.1 301 Moved Permanently\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ))
    .refuses(
        &[],
        &["it redirects to http://127.0.0.1:1/, and only https is followed; nothing was changed"],
    );
    World::answering(raw(
        "HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n",
    ))
    .refuses(&[], &["more than 5 redirects; nothing was changed"]);
}

#[test]
fn a_status_other_than_200_changes_nothing() {
    for (answer, part) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
            "the server answers 404 Not Found",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "the server answers 503 Service Unavailable",
        ),
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            "the server answers 204 No Content",
        ),
        (
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "cannot fetch the registry",
        ),
    ] {
        World::answering(raw(answer)).refuses(&[], &[part, "; nothing was changed"]);
    }
}

#[test]
fn a_server_of_an_unknown_authority_is_not_trusted() {
    let mut world = World::answering(ok(registry(&["one", "zwei"])));
    let stranger = World::answering(raw(""));
    world.authority.clone_from(&stranger.authority);
    world.refuses(
        &[],
        &[
            "no trusted connection: invalid peer certificate: UnknownIssuer",
            "SSL_CERT_FILE",
        ],
    );
}

#[test]
fn a_host_without_certificates_is_told_what_to_install() {
    let mut world = World::answering(ok(registry(&["one", "zwei"])));
    world.authority = "/nonexistent".into();
    world.refuses(&[], &["no trusted connection: ", "install ca-certificates"]);
}

#[test]
fn a_server_without_tls_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let mut world = World::answering(raw(""));
    world.port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept()?;
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        io::copy(&mut socket, &mut io::sink())
    });
    world.refuses(&[], &["no trusted connection: "]);
}

#[test]
fn a_body_that_ends_early_changes_nothing() {
    World::answering(raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 2345\r\n\r\nService Name",
    ))
    .refuses(
        &[],
        &["the connection ended after 12 of 2,345 bytes; nothing was changed"],
    );
    World::answering(raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nService",
    ))
    .refuses(&[], &["cannot fetch the registry", "nothing was changed"]);
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    World::answering(Arc::new(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            out.write_all(&[b'x'; 16 << 10])?;
        }
    }))
    .refuses(&[], &["larger than 64 MiB; nothing was changed"]);
}

#[test]
fn a_body_that_is_said_to_be_too_large_is_not_read() {
    World::answering(raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    ))
    .refuses(&[], &["larger than 64 MiB; nothing was changed"]);
}

#[test]
fn a_body_that_is_no_registry_changes_nothing() {
    for (body, part) in [
        (&b""[..], "the file is empty"),
        (b"<html>log in first</html>", ":1: not the registry as CSV"),
        (b"\x1f\x8b\x08\0\xff\xfe", ":1: not the registry as CSV"),
        (b"\x1b[2J\n\n", ":1: not the registry as CSV"),
        (HEADER.as_bytes(), "no usable record"),
    ] {
        World::answering(ok(body)).refuses(&[], &[part, "; nothing was changed"]);
    }
}

#[test]
fn a_registry_with_an_error_changes_nothing() {
    let one = registry(&["one", "two"]) + "broken,1x,tcp,,,,,,,,,\n";
    World::answering(ok(&*one)).refuses(
        &["--force"],
        &[
            "/registry.csv:4: column 'Port Number': \"1x\" is no port",
            "; nothing was changed",
        ],
    );
    let two = one + "broken,70000,tcp,,,,,,,,,\n";
    World::answering(ok(two)).refuses(&[], &["the first of 2 errors; nothing was changed"]);
}

#[test]
fn a_registry_that_has_shrunk_is_taken_by_force_only() {
    let old = registry(&["a1", "a2", "a3", "a4", "a5"]);
    let new = registry(&["a1", "a2"]);
    let world = World::answering(ok(&*new)).with_file(&old);
    world
        .update(&[])
        .failed(&["only 2 records, and registry.csv has 5; nothing was changed; --force"]);
    world.unchanged(&old);
    world.update(&["--force"]).succeeded(&["2 records written"]);
    world.unchanged(&new);
}

#[test]
fn a_file_in_another_format_or_in_none_is_left_alone() {
    for (old, part) in [
        ("", "the file is empty"),
        ("a letter to my aunt\n", "not a port registry"),
        ("http 80/tcp\n", "not in the format that is fetched"),
        ("http,80,tcp\n", "not in the format that is fetched"),
    ] {
        let world = World::answering(ok(registry(&["one"]))).with_file(old);
        world
            .update(&["--force"])
            .failed(&["portclass: registry.csv:", part, "name another file"]);
        world.unchanged(old);
    }
    let world = World::answering(ok(registry(&["one"])));
    let url = world.url();
    for path in ["/dev/null", "/"] {
        Updated::of(world.command(&[path, "--from", &url])).failed(&[path, "not a file"]);
    }
}

#[test]
fn a_folder_that_does_not_exist_is_one_line() {
    let world = World::answering(ok(registry(&["one"])));
    let url = world.url();
    let updated = Updated::of(world.command(&["none/a.csv", "--force", "--from", &url]));
    assert_eq!(updated.status, Some(1));
    updated.said(&["none/a.csv: cannot write: No such file"]);
    assert!(world.files().is_empty());
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let mut world = World::answering(raw(""));
    world.port = listener.local_addr().expect("its address").port();
    world.refuses(
        &["--timeout", "200ms"],
        &["not done within 200ms; nothing was changed; --timeout"],
    );
}

#[test]
fn a_server_that_stops_in_the_middle_is_given_up() {
    World::answering(Arc::new(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nService")?;
        out.flush()?;
        loop {
            thread::park();
        }
    }))
    .refuses(
        &["--timeout", "1s"],
        &["not done within 1s; nothing was changed; --timeout"],
    );
}

#[test]
fn a_refused_connection_changes_nothing() {
    let mut world = World::answering(raw(""));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    world.port = listener.local_addr().expect("its address").port();
    drop(listener);
    world.refuses(
        &[],
        &[
            "Connection refused",
            "; nothing was changed; ",
            "--registry",
        ],
    );
}

#[test]
fn a_name_that_is_not_found_changes_nothing() {
    let old = registry(&["one", "two"]);
    let world = World::answering(raw("")).with_file(&old);
    let arguments = [
        "registry.csv",
        "--from",
        "https://no-such-host.invalid/a.csv",
        "--timeout",
        "5s",
    ];
    Updated::of(world.command(&arguments)).failed(&[
        "portclass: https://no-such-host.invalid/a.csv: cannot fetch the registry: ",
        "; nothing was changed",
    ]);
    world.unchanged(&old);
}

#[test]
fn the_proxy_of_the_environment_is_used_and_named_when_it_fails() {
    let new = registry(&["one", "zwei"]);
    let world = World::answering(ok(&*new)).with_file(registry(&["one", "two"]));
    let url = format!("https://{BEHIND_PROXY}/registry.csv");
    let arguments = ["registry.csv", "--from", &url];
    let mut command = world.command(&arguments);
    command.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", world.port));
    Updated::of(command).succeeded(&["2 records written"]);
    assert_eq!(read(&world.file()), new);

    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let proxy = listener.local_addr().expect("its address");
    drop(listener);
    let mut command = world.command(&arguments);
    command.env("HTTPS_PROXY", format!("http://{proxy}"));
    let through = format!("through the proxy {proxy}: Connection refused");
    Updated::of(command).failed(&[&through]);
    world.unchanged(&new);
}

#[test]
fn only_https_may_be_asked_for() {
    let world = World::answering(raw(""));
    for (arguments, part) in [
        (
            ["--from", "http://127.0.0.1/a.csv"],
            "expected https://HOST/PATH",
        ),
        (["--from", "/etc/services"], "expected https://HOST/PATH"),
        (
            ["--from", "https://me:secret@127.0.0.1/"],
            "expected no user name",
        ),
        (["--timeout", "0s"], "expected 10ms to 1day"),
    ] {
        let updated = Updated::of(world.command(&arguments));
        assert_eq!(updated.status, Some(2), "{}", updated.stderr);
        assert!(updated.stderr.contains(part), "{}", updated.stderr);
    }
    assert!(world.files().is_empty());
}
