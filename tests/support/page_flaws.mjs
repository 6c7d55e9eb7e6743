// What keeps people from using a page: found by looking at it as the browser has laid it out.

/** What is too wide for the page, too small to touch, without a name, or too pale to be read. */
export const flaws = (page) =>
  page.evaluate(() => {
    const found = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide`);
    for (const control of document.querySelectorAll("button, input, summary")) {
      const { height, width } = control.getBoundingClientRect();
      if (height === 0) continue;
      const name =
        control.ariaLabel || control.textContent.trim() || control.labels?.[0]?.textContent;
      if (!name) found.push(`no name: ${control.outerHTML}`);
      if (height < 44 || width < 44) found.push(`${name} is ${width} x ${height}`);
    }

    // Contrast as WCAG 2.2 has it; a canvas turns any colour into its bytes.
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const painter = canvas.getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
      painter.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        painter.fillStyle = colour;
        painter.fillRect(0, 0, 1, 1);
      }
      return [...painter.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colours) => {
      const [red, green, blue] = paint(colours).map((byte) => {
        const part = byte / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const check = (what, element, front) => {
      const grounds = [];
      for (let one = element; one; one = one.parentElement)
        grounds.unshift(getComputedStyle(one).backgroundColor);
      const both = [luminance(grounds), luminance([...grounds, front])];
      const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      if (contrast < 4.5) found.push(`${what}: ${contrast.toFixed(2)}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement: element } = texts.currentNode;
      if (!data.trim() || !element.checkVisibility()) continue;
      const { fill, color } = getComputedStyle(element);
      check(data.trim(), element, element instanceof SVGElement ? fill : color);
    }
    for (const input of document.querySelectorAll("input"))
      check(input.placeholder, input, getComputedStyle(input, "::placeholder").color);
    return found;
  });
