// A result drawn on its image.

/** Draw an image and the instances of at least a score; the best one last, on top. */
export function drawResult(canvas, image, instances, skeleton, leastScore) {
  canvas.width = image.width;
  canvas.height = image.height;
  const pen = canvas.getContext("2d");
  pen.putImageData(image, 0, 0);
  pen.lineWidth = Math.max(1, Math.max(image.width, image.height) / 350);
  pen.font = `${Math.max(11, image.width / 45)}px system-ui, sans-serif`;
  const sure = instances.filter((instance) => instance.score >= leastScore);
  for (const [i, instance] of [...sure.entries()].reverse()) {
    const color = `hsl(${((i * 0.618034 + 0.02) % 1) * 360} 90% 50%)`;
    if (instance.keypoints) {
      drawKeypoints(pen, instance.keypoints, skeleton, color);
    } else {
      drawContour(pen, instance.contour ?? corners(instance.box), color);
    }
    drawLabel(pen, instance, color);
  }
}

function drawContour(pen, contour, color) {
  pen.beginPath();
  for (const [x, y] of contour) pen.lineTo(x, y);
  pen.closePath();
  pen.fillStyle = pen.strokeStyle = color;
  pen.globalAlpha = 0.35;
  pen.fill();
  pen.globalAlpha = 1;
  pen.stroke();
}

function drawKeypoints(pen, keypoints, skeleton, color) {
  const seen = ([, , score]) => score >= 0.2;
  pen.fillStyle = pen.strokeStyle = color;
  for (const [first, second] of skeleton.map((pair) => pair.map((i) => keypoints[i]))) {
    if (!seen(first) || !seen(second)) continue;
    pen.beginPath();
    pen.moveTo(first[0], first[1]);
    pen.lineTo(second[0], second[1]);
    pen.stroke();
  }
  for (const [x, y] of keypoints.filter(seen)) {
    pen.beginPath();
    pen.arc(x, y, 2 * pen.lineWidth, 0, 2 * Math.PI);
    pen.fill();
  }
}

function drawLabel(pen, { label, score, box }, color) {
  const text = `${label} ${score.toFixed(2)}`;
  const height = parseFloat(pen.font) * 1.2;
  const width = pen.measureText(text).width + 6;
  const left = Math.min(Math.max(box[0], 0), Math.max(pen.canvas.width - width, 0));
  const bottom = Math.max(box[1], height);
  pen.fillStyle = color;
  pen.fillRect(left, bottom - height, width, height);
  pen.fillStyle = "#000";
  pen.fillText(text, left + 3, bottom - height * 0.25);
}

function corners([x1, y1, x2, y2]) {
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}
