//! Which lines make a row: the way to put all of them into rows that costs least.
//!
//! A browser puts a cell of h lines into a row of H lines from line (H - h) / 2 on, rounded down. Name and port, one of
//! which every row has, therefore stand in the middle of it, and a row that starts at some line ends at one of two. So
//! the rows are found from the top down, for every line the best way to end a row before it, with two steps from each.
//! Ways that the middle of the rows allows differ in how well the other cells stand in it, and in how they are folded:
//! no browser folds where the next word has room.

use std::{cmp::Reverse, ops::Range};

use super::{
    block::{Line, NAME, PORT},
    cost::{self, Cost},
};
use crate::registry::Column;

/// Lines that a name or a range of ports may be folded into.
const MAX_FOLDED: usize = 4;

/// Rows of more lines are not compared with their neighbours.
const MAX_COMPARED: usize = 128;

/// What cannot be told for certain of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// These lines are no row.
    Lost,
    /// Its last lines are missing.
    CutOff,
    /// Its cells do not stand in its middle.
    OffCentre,
    /// Another way is as good.
    Tied,
}

/// Lines that make a row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) lines: Range<usize>,
    pub(super) doubt: Option<Doubt>,
}

/// All rows that may end before each line, and the best way to each.
pub(super) struct Ways<'block> {
    lines: &'block [Line],
    /// The first line with a name or a port from each line on.
    next_key: Vec<usize>,
    /// The first line with text in a column from each line on.
    next: Vec<[u32; Column::COUNT]>,
    /// The line behind the last one with text in a column, of all lines before each.
    last: Vec<[u32; Column::COUNT]>,
    /// Of all lines before each: what it costs that they are folded where they are.
    folds: Vec<Cost>,
    /// Of all lines before each: the cells with text below blank ones.
    started: Vec<u32>,
    ending: Vec<Vec<Way>>,
}

#[derive(Clone)]
struct Way {
    cost: Cost,
    start: usize,
    /// Which of the ways to its start is the best.
    before: usize,
    doubt: Option<Doubt>,
}

impl<'block> Ways<'block> {
    pub(super) fn of(lines: &'block [Line]) -> Self {
        let count = lines.len();
        let mut ways = Self {
            lines,
            next_key: vec![count; count + 1],
            next: vec![[count as u32; Column::COUNT]; count + 1],
            last: vec![[0; Column::COUNT]; count + 1],
            folds: vec![Cost::default(); count + 1],
            started: vec![0; count + 1],
            ending: vec![Vec::new(); count + 1],
        };
        for (index, line) in lines.iter().enumerate().rev() {
            ways.next_key[index] = if line.is_key() {
                index
            } else {
                ways.next_key[index + 1]
            };
            ways.next[index] = ways.next[index + 1];
            set(&mut ways.next[index], line.filled, index as u32);
        }
        let mut above = 0;
        for (index, line) in lines.iter().enumerate() {
            ways.last[index + 1] = ways.last[index];
            set(&mut ways.last[index + 1], line.filled, index as u32 + 1);
            ways.folds[index + 1] = ways.folds[index] + line.folds;
            ways.started[index + 1] = ways.started[index] + (line.filled & !above).count_ones();
            above = line.filled;
        }
        ways
    }

    /// The best way of all, from top to bottom.
    pub(super) fn rows(mut self, is_last: bool) -> Vec<Row> {
        let count = self.lines.len();
        for start in 0..count {
            if start == 0 || !self.ending[start].is_empty() {
                self.go_on(start, is_last);
            }
        }
        let choices = self.choices();
        let mut rows: Vec<Row> = Vec::new();
        let mut end = count;
        let mut way = best(self.ending[end].iter().map(|way| way.cost));
        while end > 0 {
            let Way {
                start,
                before,
                doubt,
                ..
            } = self.ending[end][way];
            // A line that may belong to another row may be missing from this one as well.
            let around = &choices[start.saturating_sub(1)..=end];
            let is_tied = around.iter().any(|&rows| rows > 1);
            match rows.last_mut() {
                Some(below) if below.doubt == Some(Doubt::Lost) && doubt == below.doubt => {
                    below.lines.start = start;
                }
                _ => rows.push(Row {
                    lines: start..end,
                    doubt: doubt.or(is_tied.then_some(Doubt::Tied)),
                }),
            }
            (end, way) = (start, before);
        }
        rows.reverse();
        rows
    }

    /// For each line: how many rows it may belong to, if the lines are put into rows in all the ways that cost least.
    fn choices(&self) -> Vec<i32> {
        let count = self.lines.len();
        let mut is_best: Vec<Vec<bool>> = self
            .ending
            .iter()
            .map(|ways| vec![false; ways.len()])
            .collect();
        let of_least_cost = |costs: Vec<Cost>, is_best: &mut Vec<bool>| {
            let least = costs.iter().map(|cost| cost.certain()).min();
            for (cost, is_best) in costs.into_iter().zip(is_best) {
                *is_best |= Some(cost.certain()) == least;
            }
        };
        let costs = self.ending[count].iter().map(|way| way.cost).collect();
        of_least_cost(costs, &mut is_best[count]);
        let mut choices = vec![0; count + 1];
        for end in (1..=count).rev() {
            for (index, way) in self.ending[end].iter().enumerate() {
                if is_best[end][index] {
                    choices[way.start] += 1;
                    choices[end] -= 1;
                    let costs = self.costs_before(&(way.start..end));
                    of_least_cost(costs, &mut is_best[way.start]);
                }
            }
        }
        let mut rows = 0;
        for choice in &mut choices {
            rows += *choice;
            *choice = rows;
        }
        choices
    }

    /// All rows that may start at a line.
    fn go_on(&mut self, start: usize, is_last: bool) {
        let count = self.lines.len();
        let first = self.next_key[start];
        if first > start {
            let is_blank = self.lines[start].filled == 0;
            let cost = Cost::of_layout(if is_blank { cost::BLANK } else { cost::LOST });
            self.offer(start..start + 1, cost, Some(Doubt::Lost));
        }
        for folded in 1..=MAX_FOLDED {
            let below = first + folded;
            if below > count || folded > 1 && !self.continues(below - 1) {
                return;
            }
            let even = 2 * (first - start) + folded;
            for height in [even, even + 1] {
                let end = start + height;
                if end <= self.next_key[below] {
                    let (cost, doubt) = self.cost(start..end, first..below);
                    self.offer(start..end, cost, doubt);
                } else if is_last && end > count && self.next_key[below] == count {
                    let doubt = Some(Doubt::CutOff);
                    self.offer(start..count, Cost::of_layout(cost::LOST), doubt);
                }
            }
        }
    }

    fn continues(&self, line: usize) -> bool {
        self.lines[line].is_key() && self.lines[line].continues
    }

    fn offer(&mut self, row: Range<usize>, cost: Cost, doubt: Option<Doubt>) {
        let costs = self.costs_before(&row);
        let before = best(costs.iter().copied());
        let way = Way {
            cost: costs.get(before).copied().unwrap_or_default() + cost,
            start: row.start,
            before,
            doubt,
        };
        let ending = &mut self.ending[row.end];
        match ending.iter_mut().find(|other| other.start == row.start) {
            Some(other) if other.cost <= way.cost => {}
            Some(other) => *other = way,
            None => ending.push(way),
        }
    }

    /// What each way to the start of a row costs, in front of that row.
    fn costs_before(&self, row: &Range<usize>) -> Vec<Cost> {
        self.ending[row.start]
            .iter()
            .map(|way| {
                let above = way.start..row.start;
                let likeness = cost::DIFFERING * self.differing(&above, row);
                let by_pair = Cost {
                    likeness,
                    ..Cost::default()
                };
                way.cost + by_pair
            })
            .collect()
    }

    /// In how many columns two rows of one name or one port differ: most services have a record for each of several
    /// transports, with the same words in all of them.
    fn differing(&self, above: &Range<usize>, row: &Range<usize>) -> u32 {
        let is_same = |column: Column| {
            let [cell, other] = [above, row].map(|row| &self.lines[self.cell(row, column)]);
            cell.len() == other.len()
                && cell.iter().zip(other).all(|(line, other)| {
                    line.hashes[column as usize] == other.hashes[column as usize]
                })
        };
        let is_related = [Column::ServiceName, Column::PortNumber]
            .into_iter()
            .any(|column| !self.cell(row, column).is_empty() && is_same(column));
        if !is_related || above.len().max(row.len()) > MAX_COMPARED {
            return 0;
        }
        let of_service = |column: &Column| !matches!(column, Column::TransportProtocol);
        let columns = Column::ALL.into_iter().filter(of_service);
        columns.filter(|&column| !is_same(column)).count() as u32
    }

    /// The lines of a cell, from the first with text to the last.
    fn cell(&self, row: &Range<usize>, column: Column) -> Range<usize> {
        let first = self.next[row.start][column as usize] as usize;
        let behind = self.last[row.end][column as usize] as usize;
        if first < behind { first..behind } else { 0..0 }
    }

    /// What speaks against a row whose name and port stand in the lines `key`.
    fn cost(&self, row: Range<usize>, key: Range<usize>) -> (Cost, Option<Doubt>) {
        let Range { start, end } = row.clone();
        let mut filled = 0;
        let mut off_centre = 0;
        let (mut small_starts, mut open_ends) = (0_u16, 0_u16);
        for column in Column::ALL {
            let cell = self.cell(&row, column);
            if !cell.is_empty() {
                filled |= 1 << column as u16;
                small_starts |= self.lines[cell.start].small_starts & 1 << column as u16;
                open_ends |= self.lines[cell.end - 1].open_ends & 1 << column as u16;
                off_centre += u32::from(cell.start - start != (row.len() - cell.len()) / 2);
            }
        }
        let keys = &self.lines[key.clone()];
        let runs =
            self.started[end] - self.started[start + 1] + self.lines[start].filled.count_ones();
        let gaps = runs - u32::from(filled).count_ones();
        let mut cost = self.folds[end] - self.folds[start + 1];
        cost.oddness = self.lines[start].room
            + cost::SMALL_START * small_starts.count_ones()
            + cost::OPEN_END * open_ends.count_ones();
        cost.layout += off_centre * cost::OFF_CENTRE
            + gaps * cost::GAP
            + (keys.len() as u32 - 1) * cost::FOLDED_KEY;
        if filled == NAME {
            cost.layout += cost::NAME_ALONE;
        }
        if filled & PORT == 0 && keys.iter().any(|line| line.has_odd_name) {
            cost.layout += cost::ODD_NAME;
        }
        if keys.len() == 1 && keys[0].has_bad_port {
            cost.layout += cost::NO_PORT;
        }
        let doubt = (off_centre > 0).then_some(Doubt::OffCentre);
        (cost, doubt)
    }
}

/// The position of what costs least; of equals the last one, which starts furthest down: its row then has fewer lines
/// above its name, and folded cells of two lines are the most common ones.
fn best(costs: impl Iterator<Item = Cost>) -> usize {
    costs
        .enumerate()
        .min_by_key(|&(index, cost)| (cost, Reverse(index)))
        .map_or(0, |(index, _)| index)
}

fn set(lines: &mut [u32; Column::COUNT], filled: u16, value: u32) {
    for (column, line) in lines.iter_mut().enumerate() {
        if filled & 1 << column != 0 {
            *line = value;
        }
    }
}
