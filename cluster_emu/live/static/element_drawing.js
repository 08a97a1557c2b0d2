// Draws elements of the page into a canvas context, or one that writes SVG: boxes, lines, text.
//
// Only what this page has: no gradients, shadows, or text from right to left. An element with a method
// `paint(context, width, height)`, such as a canvas of a panel, draws its inside by itself.

/** Draw an element and what is in it; the place (0, 0) of the context is the point (left, top) of the window. */
export function drawElement(context, node, left, top) {
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  if (style.display === "none" || style.visibility === "hidden" || (!box.width && !box.height)) return;
  const x = box.left - left, y = box.top - top;
  drawBox(context, style, x, y, box.width, box.height);
  if (node.paint) {
    context.save();
    context.translate(x, y);
    context.font = fontOf(style);
    node.paint(context, box.width, box.height);
    context.restore();
    return;
  }
  if (node.tagName === "SELECT") {
    const option = node.selectedOptions[0];
    if (option) drawLine(context, style, option.textContent, x + parseFloat(style.paddingLeft), y + box.height / 2, "middle");
    return;
  }
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) drawText(context, style, child, left, top);
    else if (child.nodeType === Node.ELEMENT_NODE) drawElement(context, child, left, top);
  }
}

const fontOf = (style) => `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
const isSeen = (colour) => colour !== "transparent" && !/^rgba\(.*,\s*0\)$/.test(colour);

function drawBox(context, style, x, y, width, height) {
  const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
  const round = style.borderTopLeftRadius.endsWith("%") ? Math.min(width, height) / 2 : radius;
  if (isSeen(style.backgroundColor)) {
    context.fillStyle = style.backgroundColor;
    context.beginPath();
    context.roundRect(x, y, width, height, round);
    context.fill();
  }
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => [
    style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]), style[`border${side}Color`]]);
  const [[thick, colour]] = sides;
  context.setLineDash([]);
  if (sides.every((side) => side[0] === thick && side[1] === colour)) {
    if (!thick || !isSeen(colour)) return;
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    context.roundRect(x + thick / 2, y + thick / 2, width - thick, height - thick, Math.max(round - thick / 2, 0));
    context.stroke();
    return;
  }
  sides.forEach(([wide, shade], at) => {
    if (!wide || !isSeen(shade)) return;
    context.fillStyle = shade;
    if (at % 2 === 0) context.fillRect(x, at ? y + height - wide : y, width, wide);
    else context.fillRect(at === 1 ? x + width - wide : x, y, wide, height);
  });
}

/** Draw a text where the browser has put its words, line by line. */
function drawText(context, style, node, left, top) {
  const range = document.createRange();
  let line = null;
  const end = () => { if (line) drawLine(context, style, line.words.join(" "), line.x, line.y, "alphabetic"); };
  context.font = fontOf(style);
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = context.measureText("x");
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    // a long word may be broken, and then has several boxes: it is drawn from the first one
    const box = range.getClientRects()[0];
    if (!box) continue;
    const middle = box.top - top + box.height / 2;
    if (line && Math.abs(line.middle - middle) < 1) { line.words.push(word); continue; }
    end();
    line = { words: [word], x: box.left - left, y: middle + (up - down) / 2, middle };
  }
  end();
}

function drawLine(context, style, text, x, y, baseline) {
  context.font = fontOf(style);
  context.fillStyle = style.color;
  context.textAlign = "left";
  context.textBaseline = baseline;
  context.fillText(text, x, y);
}
