// How unusual the most unusual person of a stream moves, over the last minute.

const SPAN_MS = 60_000;
const POINTS_MAX = 1200;
/** The scale reaches from here to the highest score, at least to the end given. */
const [LOW, HIGH] = [-3, 6];

export class ScoreLine {
  #canvas;
  #points = [];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  add(persons) {
    const scores = persons.map(({ anomaly_score }) => anomaly_score).filter((score) => score != null);
    const now = performance.now();
    this.#points.push({ at: now, score: scores.length ? Math.max(...scores) : null, alarm: persons.some(({ anomalous }) => anomalous) });
    this.#points = this.#points.filter(({ at }) => at > now - SPAN_MS).slice(-POINTS_MAX);
    this.#draw(now);
  }

  #draw(now) {
    const { width, height } = this.#canvas, context = this.#canvas.getContext("2d");
    const top = Math.max(HIGH, ...this.#points.map(({ score }) => score ?? LOW));
    const x = (at) => width * (1 - (now - at) / SPAN_MS);
    const y = (score) => height - 2 - (height - 4) * Math.max(0, (score - LOW) / (top - LOW));
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.#canvas);
    const colours = { true: style.getPropertyValue("--bad"), false: style.getPropertyValue("--quiet") };
    context.lineWidth = 1.5;
    for (let k = 1; k < this.#points.length; k++) {
      const [a, b] = [this.#points[k - 1], this.#points[k]];
      if (a.score == null || b.score == null) continue;
      context.strokeStyle = colours[b.alarm];
      context.beginPath();
      context.moveTo(x(a.at), y(a.score));
      context.lineTo(x(b.at), y(b.score));
      context.stroke();
    }
  }
}
