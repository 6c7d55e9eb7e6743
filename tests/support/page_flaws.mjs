// Finds accessibility problems of a page in its rendered layout.

/**
 * Returns a description of each problem: a page wider than its window, a control that is too small
 * to touch or has no name, and text with too little contrast.
 */
export const findFlaws = (page) =>
  page.evaluate(() => {
    const flaws = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) flaws.push(`the page is ${scrollWidth} wide`);
    for (const control of document.querySelectorAll("button, input, summary")) {
      const { height, width } = control.getBoundingClientRect();
      if (height === 0) continue;
      const name =
        control.ariaLabel || control.textContent.trim() || control.labels?.[0]?.textContent;
      if (!name) flaws.push(`no name: ${control.outerHTML}`);
      if (height < 44 || width < 44) flaws.push(`${name} is ${width} x ${height}`);
    }

    // Contrast according to WCAG 2.2. A canvas blends the colours and converts them to bytes.
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const blend = (colours) => {
      context.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colours) => {
      const [red, green, blue] = blend(colours).map((byte) => {
        const channel = byte / 255;
        return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const checkContrast = (text, element, foreground) => {
      const backgrounds = [];
      for (let ancestor = element; ancestor; ancestor = ancestor.parentElement)
        backgrounds.unshift(getComputedStyle(ancestor).backgroundColor);
      const luminances = [luminance(backgrounds), luminance([...backgrounds, foreground])];
      const contrast = (Math.max(...luminances) + 0.05) / (Math.min(...luminances) + 0.05);
      if (contrast < 4.5) flaws.push(`${text}: ${contrast.toFixed(2)}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement: element } = texts.currentNode;
      if (!data.trim() || !element.checkVisibility()) continue;
      const { fill, color } = getComputedStyle(element);
      checkContrast(data.trim(), element, element instanceof SVGElement ? fill : color);
    }
    for (const input of document.querySelectorAll("input"))
      checkContrast(input.placeholder, input, getComputedStyle(input, "::placeholder").color);
    return flaws;
  });
