// What is drawn over a picture: boxes, skeletons, labels. Coordinates are pixels of the picture.

/** Colours that are told apart on light and on dark ground. */
export const COLOURS = ["#2da44e", "#bf3989", "#0969da", "#bc4c00", "#8250df", "#1b7c83", "#9a6700", "#4d7cfe"];
const ALARM = "#cf222e";
/** Which of COCO's 17 key points are joined. */
const LIMBS = [[0, 1], [0, 2], [1, 3], [2, 4], [5, 6], [5, 7], [7, 9], [6, 8], [8, 10], [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16]];
/** Key points that the model holds for less visible are left out. */
const VISIBLE_MIN = 0.3;

const edges = (box) => (Array.isArray(box) ? box : [box.x1, box.y1, box.x2, box.y2]);

const drawBox = (context, box, colour, text, unit) => {
  const [x1, y1, x2, y2] = edges(box);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 2 * unit;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 8 * unit, height = 17 * unit;
  const left = Math.max(0, Math.min(x1 - unit, context.canvas.width - width));
  const top = y1 > height ? y1 - height : y1;
  context.fillRect(left, top, width, height);
  context.fillStyle = "#fff";
  context.fillText(text, left + 4 * unit, top + 12.5 * unit);
};

const drawSkeleton = (context, keypoints, colour, unit) => {
  if (keypoints.length !== 17) return;
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * unit;
  context.beginPath();
  for (const [from, to] of LIMBS) {
    const [a, b] = [keypoints[from], keypoints[to]];
    if (Math.min(a[2], b[2]) < VISIBLE_MIN) continue;
    context.moveTo(a[0], a[1]);
    context.lineTo(b[0], b[1]);
  }
  context.stroke();
};

const drawPerson = (context, { track, box, keypoints, anomaly_score, anomalous }, unit) => {
  const colour = anomalous ? ALARM : COLOURS[track % COLOURS.length];
  const score = anomaly_score == null ? "" : ` ${anomaly_score.toFixed(1)}`;
  drawSkeleton(context, keypoints, colour, unit);
  drawBox(context, box, colour, `${track}${score}`, unit);
};

/** Draws a picture and the result about it. */
export const draw = (canvas, bitmap, result) => {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  }
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  // Lines stay as thick as on a picture of this width, whatever the camera's size.
  const unit = Math.max(1, canvas.width / 640);
  for (const person of result.persons ?? []) drawPerson(context, person, unit);
  // The best come first and are drawn last, on top.
  for (const { class_id, label, score, box } of (result.detections ?? []).toReversed()) {
    drawBox(context, box, COLOURS[class_id % COLOURS.length], `${label} ${score.toFixed(2)}`, unit);
  }
};
