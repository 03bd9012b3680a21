//! Where a run counts, and attaching there.

use portclass::{
    account::{Direction, InterfaceInfo, Origin},
    dataplane::{AttachError, Dataplane, Interface, ObtainedMode, Role, probe::InterfaceFacts},
    doctor::{down, refuses_metadata, why_not_attached},
};

use super::{Failure, not_loaded, stderr::say};
use crate::cli::{RunArgs, TagArg};

/// Where counters come from: one image of the kernel object for each.
pub struct Point {
    pub origin: Origin,
    /// Position of the image.
    image: usize,
}

impl Point {
    fn role(&self) -> Role {
        match self.origin.direction {
            Direction::Ingress => Role::Ingress,
            Direction::Egress => Role::Egress,
        }
    }

    /// Whether it observes `interface`.
    fn has(&self, interface: &Interface) -> bool {
        self.origin
            .interface
            .is_none_or(|index| index == interface.index)
    }
}

/// A point for each direction, and for each interface where they are counted by themselves.
pub fn points(
    args: &RunArgs,
    interfaces: &[Interface],
    dataplane: &mut Dataplane,
) -> Result<Vec<Point>, Failure> {
    let observed = if args.per_interface {
        interfaces
            .iter()
            .map(|interface| Some(interface.index))
            .collect()
    } else {
        vec![None]
    };
    let directions = [
        (Direction::Ingress, args.direction.has_ingress()),
        (Direction::Egress, args.direction.has_egress()),
    ];
    let mut points: Vec<Point> = Vec::new();
    for interface in observed {
        for (direction, _) in directions.into_iter().filter(|&(_, wanted)| wanted) {
            points.push(Point {
                origin: Origin {
                    interface,
                    direction,
                },
                image: points.len(),
            });
        }
    }
    // The first one is there from the start.
    dataplane.add_images(points.len() - 1).map_err(not_loaded)?;
    Ok(points)
}

/// Loads what the interfaces need, before anything is attached.
pub fn load(
    dataplane: &mut Dataplane,
    interfaces: &[Interface],
    points: &[Point],
    marks: bool,
) -> Result<(), Failure> {
    for point in points {
        for interface in interfaces.iter().filter(|interface| point.has(interface)) {
            // Attaching says what is wrong with one that has no known link.
            let Some(link) = interface.link else { continue };
            let image = dataplane.image(point.image);
            image.load(point.role(), link).map_err(not_loaded)?;
            if marks && point.role() == Role::Ingress {
                image.load(Role::Mark, link).map_err(not_loaded)?;
            }
        }
    }
    Ok(())
}

/// Attaches to both sides of an interface, as far as they are asked for.
pub fn attach(
    dataplane: &mut Dataplane,
    interface: &Interface,
    points: &[Point],
    args: &RunArgs,
) -> Result<InterfaceInfo, AttachError> {
    let mut info = InterfaceInfo {
        name: interface.name.clone(),
        index: interface.index,
        mode: None,
        egress: None,
        directions: Vec::new(),
        features: Vec::new(),
    };
    let mut said = Vec::new();
    for point in points.iter().filter(|point| point.has(interface)) {
        info.directions.push(point.origin.direction);
        let attach_tc = |role, dataplane: &mut Dataplane| {
            let attachment =
                dataplane.attach_tc(point.image, role, interface, args.tc_hook.into())?;
            if !attachment.is_first {
                let name = &interface.name;
                let done = if role == Role::Mark {
                    "marked"
                } else {
                    "counted"
                };
                say(format_args!(
                    "warning: {name}: filters before portclass may end the chain; what they end is not {done}"
                ));
            }
            Ok::<_, AttachError>(attachment.hook)
        };
        if point.role() == Role::Egress {
            let obtained = attach_tc(Role::Egress, dataplane)?;
            info.egress = Some(obtained.name());
            said.push(format!("egress {obtained}"));
            continue;
        }
        let attachment = dataplane.attach(point.image, interface, args.mode.into())?;
        info.mode = Some(attachment.mode.name());
        said.push(attachment.mode.to_string());
        if attachment.takes_frags {
            info.features.push("frags");
            said.push("frags".to_owned());
        } else {
            said.push("without frags".to_owned());
        }
        let with_metadata = args.tags.contains(&TagArg::Metadata);
        if attachment.fallback.is_some() || with_metadata {
            let facts = InterfaceFacts::read(interface);
            if let Some(error) = attachment.fallback {
                let why = why_not_attached(&error, &facts).summary;
                say(format_args!(
                    "warning: {}: {why}; attaching in generic mode instead",
                    interface.name
                ));
            }
            let refusal =
                refuses_metadata(&facts).filter(|_| attachment.mode == ObtainedMode::Native);
            match refusal {
                Some(refusal) if with_metadata => say(format_args!("warning: {refusal}")),
                _ if with_metadata => {
                    info.features.push("metadata");
                    said.push("metadata".to_owned());
                }
                _ => {}
            }
        }
        if args.tags.contains(&TagArg::Mark) {
            let hook = attach_tc(Role::Mark, dataplane)?;
            info.features.push("mark");
            said.push(format!("mark by {hook}"));
        }
    }
    if !interface.is_up {
        say(format_args!("warning: {}", down(&interface.name)));
    }
    say(format_args!(
        "attached to {} ({})",
        interface.name,
        said.join(", ")
    ));
    Ok(info)
}
