//! Several moves that happen at once, as one after the other.

/// Orders moves `(to, from)` so that no source is overwritten before it is read. A cycle is
/// broken through `spare`, which no move names as destination.
pub(super) fn sequence(moves: &[(u8, u8)], spare: u8) -> Vec<(u8, u8)> {
    let mut open: Vec<(u8, u8)> = moves
        .iter()
        .copied()
        .filter(|(to, from)| to != from)
        .collect();
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let free = open
            .iter()
            .position(|(to, _)| open.iter().all(|(_, from)| from != to));
        match free {
            Some(index) => ordered.push(open.remove(index)),
            None => {
                let (_, from) = open[0];
                ordered.push((spare, from));
                for other in open.iter_mut().filter(|(_, source)| *source == from) {
                    other.1 = spare;
                }
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::sequence;

    fn run(moves: &[(u8, u8)]) -> Vec<u8> {
        let mut registers: Vec<u8> = (0..10).collect();
        for (to, from) in sequence(moves, 0) {
            registers[usize::from(to)] = registers[usize::from(from)];
        }
        registers
    }

    #[test]
    fn chains_swaps_and_cycles_keep_every_value() {
        for moves in [
            vec![(1, 2), (2, 3), (3, 4)],
            vec![(1, 2), (2, 1)],
            vec![(1, 2), (2, 3), (3, 1), (4, 1)],
            vec![(1, 1), (2, 1), (3, 1)],
            vec![(1, 5), (2, 4), (3, 3), (4, 2), (5, 1)],
            vec![(1, 0), (2, 1), (3, 2)],
        ] {
            let registers = run(&moves);
            for (to, from) in moves {
                assert_eq!(registers[usize::from(to)], from);
            }
        }
    }
}
