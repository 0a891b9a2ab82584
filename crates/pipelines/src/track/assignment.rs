//! Which track takes which box, at the least cost in all.
//!
//! Shortest augmenting paths over a dense matrix with potentials (Kuhn 1955, Munkres 1957; Jonker & Volgenant 1987). A pair above
//! the limit is never made, and leaving both alone costs as much as a pair at the limit: the rule of `lap.lapjv` with `extend_cost`
//! and `cost_limit`, to which a matrix extended by half the limit comes down.

/// Costs of each track (row) with each box (column).
#[derive(Clone, Debug)]
pub(super) struct Costs {
    columns: usize,
    values: Vec<f64>,
}

impl Costs {
    /// Of every row and column in turn.
    pub(super) fn new(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        Self { columns, values: values.map(|(row, column)| cost(row, column)).collect() }
    }

    /// The pairs (row, column) of the least cost in all, in order of rows; none costs more than the limit. The same matrix gives the
    /// same pairs. Time: at most the shorter side squared times the longer one.
    pub(super) fn assign(&self, limit: f64) -> Vec<(usize, usize)> {
        if self.values.is_empty() {
            return Vec::new();
        }
        let (rows, columns) = (self.values.len() / self.columns, self.columns);
        let excess = |row: usize, column: usize| self.excess(row, column, limit);
        let mut pairs = if rows <= columns {
            shortest_paths(rows, columns, excess)
        } else {
            let turned = shortest_paths(columns, rows, |column, row| excess(row, column));
            turned.into_iter().map(|(column, row)| (row, column)).collect()
        };
        pairs.retain(|&(row, column)| excess(row, column) < 0.0);
        pairs.sort_unstable();
        pairs
    }

    /// What a pair saves against leaving both alone, below zero; zero where it saves nothing or is no number.
    fn excess(&self, row: usize, column: usize, limit: f64) -> f64 {
        let cost = self.values[row * self.columns + column];
        if cost < limit { cost - limit } else { 0.0 }
    }
}

/// Potentials and what is assigned so far; column 0 is a place to begin from, so both sides count from 1.
struct Search {
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    /// Row of each column, 0 for none.
    row_of: Vec<usize>,
}

/// Every row with its column; there are at least as many columns as rows.
fn shortest_paths(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize)> {
    let mut search = Search {
        row_potential: vec![0.0; rows + 1],
        column_potential: vec![0.0; columns + 1],
        row_of: vec![0; columns + 1],
    };
    for row in 1..=rows {
        search.place(row, &cost);
    }
    let taken = search.row_of.iter().enumerate().skip(1).filter(|(_, row)| **row > 0);
    taken.map(|(column, &row)| (row - 1, column - 1)).collect()
}

impl Search {
    /// Finds a column for one more row, moving others along the cheapest path.
    fn place(&mut self, row: usize, cost: impl Fn(usize, usize) -> f64) {
        let columns = self.row_of.len();
        let (mut least, mut before) = (vec![f64::INFINITY; columns], vec![0; columns]);
        let mut visited = vec![false; columns];
        let mut column = 0;
        self.row_of[0] = row;
        while self.row_of[column] != 0 {
            visited[column] = true;
            let from = self.row_of[column];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for to in (1..columns).filter(|&to| !visited[to]) {
                let reduced = cost(from - 1, to - 1) - self.row_potential[from] - self.column_potential[to];
                if reduced < least[to] {
                    (least[to], before[to]) = (reduced, column);
                }
                if least[to] < step {
                    (step, next) = (least[to], to);
                }
            }
            self.shift(step, &visited, &mut least);
            column = next;
        }
        while column != 0 {
            self.row_of[column] = self.row_of[before[column]];
            column = before[column];
        }
    }

    /// Moves the potentials so that the step costs nothing.
    fn shift(&mut self, step: f64, visited: &[bool], least: &mut [f64]) {
        for column in 0..visited.len() {
            if visited[column] {
                self.row_potential[self.row_of[column]] += step;
                self.column_potential[column] -= step;
            } else {
                least[column] -= step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[f64]]) -> Costs {
        Costs::new(rows.len(), rows.first().map_or(0, |row| row.len()), |row, column| rows[row][column])
    }

    /// Numbers from 0 to 1 that are the same in every run.
    fn numbers(mut seed: u64) -> impl FnMut() -> f64 {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / (1_u64 << 31) as f64
        }
    }

    /// The least of all: tries every way to pair the rows from `row` on, each with a free column or none.
    fn least(costs: &Costs, limit: f64, row: usize, taken: &mut Vec<usize>) -> f64 {
        if row * costs.columns == costs.values.len() {
            return 0.0;
        }
        let mut best = least(costs, limit, row + 1, taken);
        for column in 0..costs.columns {
            if !taken.contains(&column) && costs.excess(row, column, limit) < 0.0 {
                taken.push(column);
                best = best.min(costs.excess(row, column, limit) + least(costs, limit, row + 1, taken));
                taken.pop();
            }
        }
        best
    }

    #[test]
    fn the_sum_is_least_not_each_row() {
        assert_eq!(of(&[&[0.1, 0.2], &[0.15, 0.7]]).assign(1.0), [(0, 1), (1, 0)]);
    }

    #[test]
    fn no_pair_costs_more_than_the_limit_even_where_others_are_freed_by_it() {
        assert_eq!(of(&[&[0.1, 0.9], &[0.2, 0.95]]).assign(0.8), [(0, 0)]);
        assert_eq!(of(&[&[0.9]]).assign(0.8), []);
        assert_eq!(of(&[&[f64::NAN, 0.3]]).assign(0.8), [(0, 1)]);
    }

    #[test]
    fn nothing_is_assigned_to_nothing() {
        assert_eq!(of(&[]).assign(0.8), []);
        assert_eq!(Costs::new(3, 0, |_, _| 0.0).assign(0.8), []);
    }

    #[test]
    fn random_matrices_of_every_shape_come_to_the_least_sum() {
        let mut number = numbers(5);
        for (rows, columns) in (1..=6).flat_map(|rows| (1..=6).map(move |columns| (rows, columns))) {
            for limit in [0.3, 0.8, 2.0] {
                let values: Vec<f64> = (0..rows * columns).map(|_| number()).collect();
                let costs = Costs { columns, values };
                let pairs = costs.assign(limit);
                let sum: f64 = pairs.iter().map(|&(row, column)| costs.excess(row, column, limit)).sum();
                assert!((sum - least(&costs, limit, 0, &mut Vec::new())).abs() < 1e-12, "{costs:?}");
                let mut taken: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
                taken.sort_unstable();
                taken.dedup();
                assert_eq!(taken.len(), pairs.len(), "no column twice");
            }
        }
    }
}
