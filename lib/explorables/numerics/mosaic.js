// How is a slow picture made at once? Coarse first, and from what an earlier view has shown.

const centre = (k, count) => (2 * k + 1) / count - 1;

/**
 * A grid of columns x rows pixels over a view [x, y, half]: its middle, and half its width and
 * height. Row 0 is at the top; a grid of one row is the horizontal line through the middle.
 *
 * order: [row, column, block] of every pixel, those that stand for a whole block first;
 * place(view, i): the point of the plane in the middle of the ith pixel of that order.
 */
export function createGrid(columns, rows, coarsest) {
  const order = [];
  for (let block = coarsest; block >= 1; block /= 2) {
    for (let row = 0; row < rows; row += block) {
      for (let column = 0; column < columns; column += block) {
        const known = row % (2 * block) === 0 && column % (2 * block) === 0;
        if (block === coarsest || !known) order.push([row, column, block]);
      }
    }
  }
  const place = ([x, y, half], i) => {
    const [row, column] = order[i];
    return [x + half * centre(column, columns), y - half * centre(row, rows)];
  };
  return { columns, rows, order, place };
}

/**
 * The values on a grid, finished little by little.
 *
 * put(value) takes the next one in the grid's order, `next` is its number; look(view) turns to
 * another view and keeps what it can of the last one; `values` are NaN where nothing is known;
 * forget() starts anew.
 */
export function createMosaic({ columns, rows, order }) {
  const values = new Float64Array(columns * rows).fill(NaN);
  // How many pixels wide the block is for which a value stands: 1 is its own pixel only.
  const grain = new Float64Array(columns * rows).fill(Infinity);
  const [lastValues, lastGrain] = [values.slice(), grain.slice()];
  let seen = null;

  /** Which row or column of the last view lies where those of the new one are. */
  const before = (count, scale, by) =>
    Int32Array.from({ length: count }, (_, k) =>
      Math.floor(((scale * centre(k, count) + by + 1) * count) / 2),
    );

  return {
    values,
    next: 0,
    put(value) {
      const [row, column, block] = order[this.next];
      this.next += 1;
      for (let i = row; i < Math.min(row + block, rows); i += 1) {
        for (let j = column; j < Math.min(column + block, columns); j += 1) {
          const at = i * columns + j;
          const own = i === row && j === column;
          if (!own && grain[at] <= block) continue;
          values[at] = value;
          grain[at] = own ? 1 : block;
        }
      }
    },
    forget() {
      values.fill(NaN);
      grain.fill(Infinity);
      seen = null;
    },
    look(view) {
      if (seen?.every((one, i) => one === view[i])) return;
      this.next = 0;
      if (seen) {
        lastValues.set(values);
        lastGrain.set(grain);
        const [x, y, half] = seen;
        const scale = view[2] / half;
        const across = before(columns, scale, (view[0] - x) / half);
        const down = before(rows, scale, (y - view[1]) / half);
        let at = 0;
        for (const i of down) {
          for (const j of across) {
            const known = i >= 0 && i < rows && j >= 0 && j < columns;
            values[at] = known ? lastValues[i * columns + j] : NaN;
            grain[at] = known ? lastGrain[i * columns + j] / scale : Infinity;
            at += 1;
          }
        }
      }
      seen = [...view];
    },
  };
}
