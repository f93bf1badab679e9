// Returns every text whose contrast to its ground is too low: WCAG 2.2, success criterion 1.4.3, 4.5 to 1 for all sizes.
() => {
  const parse = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return text.startsWith("color(srgb") ? parts.map((one, place) => (place < 3 ? one * 255 : one)) : parts;
  };
  const over = (top, ground) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((place) => top[place] * alpha + ground[place] * (1 - alpha));
  };
  const ground = (element) => {
    if (!element) return getComputedStyle(document.documentElement).colorScheme.includes("dark")
      && matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, style, noscript, option")) continue;
    const style = getComputedStyle(element), inside = element.closest("svg");
    const under = ground(element);
    const ink = over(parse(inside ? style.fill : style.color), under);
    const [high, dim] = [light(ink), light(under)].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (dim + 0.05);
    seen += 1;
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${element.tagName}.${element.getAttribute("class") || ""}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return { seen, low: [...new Set(low)] };
}
