// A table that is sorted, filtered and brought up to date in place.

// More rows than anybody reads, and a browser lays them all out.
const MOST_ROWS = 1000;
const byName = new Intl.Collator("en", { numeric: true }).compare;

/**
 * A column: `heading`, `text(row, whole)` for its cells, `key(row)` to sort by. Columns of numbers start with the
 * most and are aligned to the right; `part(row, whole)` draws a bar of that part, 0 to 1, behind the text.
 */
export class Table {
  #columns;
  #body;
  #more;
  #rows = [];
  #cells = [];
  #sorted;
  #isDescending;
  #latest = [[], undefined];
  #accepts = () => true;

  /** Fills a `<table>` by these columns, sorted by the one with that heading; `more` says how many rows are left out. */
  constructor(table, columns, sorted, more) {
    // Several tables may have a column in common, but each has its own heading.
    this.#columns = columns.map((column) => ({ ...column }));
    this.#more = more;
    this.#sorted = this.#columns.find((column) => column.heading === sorted);
    this.#isDescending = Boolean(this.#sorted.isNumber);
    const head = table.createTHead().insertRow();
    for (const column of this.#columns) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.heading;
      button.addEventListener("click", () => this.#sortBy(column));
      column.cell = document.createElement("th");
      column.cell.scope = "col";
      column.cell.className = column.style;
      column.cell.append(button);
      head.append(column.cell);
    }
    this.#body = table.createTBody();
    this.#markSorted();
  }

  /** Shows these rows; `whole` is what their shares are of. */
  show(rows, whole) {
    this.#latest = [rows, whole];
    const { key } = this.#sorted;
    const compare = this.#sorted.isNumber ? (one, other) => (key(one) ?? -1) - (key(other) ?? -1) : (one, other) => byName(key(one), key(other));
    const sign = this.#isDescending ? -1 : 1;
    const accepted = rows.filter(this.#accepts).sort((one, other) => sign * compare(one, other));
    const shown = accepted.slice(0, MOST_ROWS);
    this.#resize(shown.length);
    shown.forEach((row, at) => this.#fill(this.#cells[at], row, whole));
    this.#sayMore(shown.length, accepted.length, rows.length);
  }

  /** From now on leaves out rows that `accepts` does not take. */
  filter(accepts) {
    this.#accepts = accepts;
    this.show(...this.#latest);
  }

  #sortBy(column) {
    this.#isDescending = column === this.#sorted ? !this.#isDescending : Boolean(column.isNumber);
    this.#sorted = column;
    this.#markSorted();
    this.show(...this.#latest);
  }

  #markSorted() {
    for (const column of this.#columns) {
      if (column !== this.#sorted) column.cell.removeAttribute("aria-sort");
      else column.cell.setAttribute("aria-sort", this.#isDescending ? "descending" : "ascending");
    }
  }

  #resize(length) {
    while (this.#rows.length > length) {
      this.#rows.pop().remove();
      this.#cells.pop();
    }
    while (this.#rows.length < length) {
      const row = document.createElement("tr");
      this.#cells.push(
        this.#columns.map((column) => {
          const cell = row.insertCell();
          cell.className = column.style;
          return { cell, text: cell.appendChild(new Text()), shown: "", bar: "" };
        }),
      );
      this.#rows.push(row);
      this.#body.append(row);
    }
  }

  // Only what differs is touched: what is read from a document costs more than what one remembers.
  #fill(cells, row, whole) {
    this.#columns.forEach((column, at) => {
      const slot = cells[at];
      const text = column.text(row, whole);
      if (text !== slot.shown) {
        slot.shown = text;
        slot.text.data = text;
        if (column.isLong) slot.cell.title = text;
      }
      const bar = column.part ? `${(column.part(row, whole) * 100).toFixed(1)}%` : "";
      if (bar !== slot.bar) {
        slot.bar = bar;
        slot.cell.style.setProperty("--part", bar);
      }
    });
  }

  #sayMore(shown, accepted, all) {
    const words = [];
    if (accepted < all) words.push(`${accepted} of ${all} match`);
    if (shown < accepted) words.push(`the first ${shown} are shown`);
    this.#more.textContent = words.join("; ");
  }
}
