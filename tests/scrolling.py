"""How long frames take while a page is scrolled, and what bare elements take that are scrolled the same way."""

from playwright.sync_api import Page

Frames = tuple[float, float]
"""Median and 95th percentile, in milliseconds."""
_STEPS = 120
_STEP_PX = 300
_SCROLL = """async ([steps, step]) => {
    const grid = document.querySelector('[role=grid]')
    const frames = []
    let last = performance.now()
    for (let at = 0; at < steps; at++) {
        grid.scrollTop += step
        await new Promise(requestAnimationFrame)
        const now = performance.now()
        frames.push(now - last)
        last = now
    }
    frames.sort((a, b) => a - b)
    return [0.5, 0.95].map((share) => Math.round(frames[Math.floor(frames.length * share)] * 10) / 10)
}"""
# Rows of 32 px at twice the speed of the scroll bar, as a million of them have it; what leaves comes in again.
_BARE = """([rows, cells]) => {
    const HIGH = 32
    const grid = document.createElement('div')
    grid.setAttribute('role', 'grid')
    grid.style.cssText = 'position:absolute;inset:120px 0 28px 270px;overflow:auto;contain:strict;font:13px/20px serif'
    const tall = grid.appendChild(document.createElement('div'))
    tall.style.cssText = 'position:relative;height:16000000px'
    const all = tall.appendChild(document.createElement('div'))
    all.style.cssText = 'position:absolute;inset:0 0 auto 0;height:0'
    const lines = Array.from({ length: rows }, () => {
        const line = all.appendChild(document.createElement('div'))
        line.style.cssText = `position:absolute;inset:0 0 auto 0;height:${HIGH}px;contain:strict;display:grid;`
            + `grid-template-columns:repeat(${cells},200px);border-bottom:1px solid #ddd`
        const texts = Array.from({ length: cells }, () => {
            const cell = line.appendChild(document.createElement('div'))
            cell.style.cssText = 'display:flex;align-items:center;padding:0 8px;overflow:hidden;white-space:nowrap'
            return cell.appendChild(document.createElement('span')).appendChild(document.createTextNode(''))
        })
        return { line, texts, row: -1 }
    })
    const draw = () => {
        all.style.transform = `translateY(${-grid.scrollTop}px)`
        const first = Math.floor((grid.scrollTop * 2) / HIGH)
        lines.forEach((one, slot) => {
            const row = first + ((slot - (first % rows) + rows) % rows)
            if (row === one.row) return
            one.row = row
            one.line.style.transform = `translateY(${row * HIGH}px)`
            for (const text of one.texts) text.data = `Row ${row}`
        })
    }
    document.body.replaceChildren(grid)
    grid.onscroll = draw
    draw()
}"""


def grid_frames(page: Page) -> Frames:
    """The frames of the grid that is shown, scrolled through 36,000 px."""
    median, most = page.evaluate(_SCROLL, [_STEPS, _STEP_PX])
    return median, most


def bare_frames(page: Page) -> Frames:
    """Those of a page of its own with as many rows and cells, and nothing else. It is shown for that alone."""
    rows = page.get_by_role("row").count()
    cells = page.get_by_role("row").last.get_by_role("gridcell").count()
    bare = page.context.new_page()
    bare.evaluate(_BARE, [rows, cells])
    found = grid_frames(bare)
    bare.close()
    page.bring_to_front()
    return found
