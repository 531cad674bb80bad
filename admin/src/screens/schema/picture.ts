/** The diagram as a picture of pixels. */

const SCALE = 2 // as sharp as the screens of today
const WIDEST_PX = 8192 // beyond it browsers draw nothing

/** The text of an SVG as PNG. Raises an Error where the browser cannot. */
export async function png(text: string): Promise<Blob> {
  const [width, height] = (/viewBox="\S+ \S+ (\S+) (\S+)"/.exec(text) ?? []).slice(1).map(Number) as [number, number]
  const scale = Math.min(SCALE, WIDEST_PX / width, WIDEST_PX / height)
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  // Without a size of its own some browsers draw nothing of it.
  const sized = text.replace('<svg ', `<svg width="${canvas.width}" height="${canvas.height}" `)
  const picture = new Image()
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(sized)}`
  await picture.decode()
  canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height)
  const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (!made) throw new Error('This browser cannot make a picture of the diagram. Save it as SVG.')
  return made
}
