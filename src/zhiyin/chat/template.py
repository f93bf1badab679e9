"""A template on disk, beside its tokenizer: `template.json` says which one a model was trained with."""

from pathlib import Path

from pydantic import TypeAdapter
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from zhiyin.artifacts import write_json
from zhiyin.chat.encode import Encoder
from zhiyin.chat.export import jinja
from zhiyin.chat.templates import AnyTemplate, Template

FILE = "template.json"


def save(template: Template, folder: Path) -> None:
    """Write `template.json`: the template's name and fields."""
    write_json(folder / FILE, template.plain())


def load(folder: Path) -> Template:
    """Read `template.json`; raises `ValueError` when the folder has none, or it names no template of ours."""
    file = folder / FILE
    if not file.exists():
        raise ValueError(f"{folder} has no {FILE}, so its chat format is not known; name one with `template`")
    try:
        found: Template = TypeAdapter(AnyTemplate).validate_json(file.read_bytes(), context={"recorded": True})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    return found


def load_encoder(folder: Path, template: Template | None = None) -> Encoder:
    """Open the tokenizer of a `Tokenizer`, `Checkpoint` or `Adapter` folder, with `template` or the folder's own.

    Whatever truncation or padding its file asks for is switched off: nothing is cut in silence.
    """
    file = folder / "tokenizer.json"
    if not file.exists():
        raise ValueError(f"{folder} has no tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Encoder(tokenizer, template or load(folder))


def write_tokenizer(tokenizer: Tokenizer, template: Template, folder: Path) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and `template.json`, which `AutoTokenizer` and we open alike.

    Where the template has a BOS, raw text gets it by default, as with the models that the templates come from.
    Raises `ValueError` when the tokenizer does not suit the template.
    """
    encoder = Encoder(tokenizer, template)
    tokenizer, form = encoder.tokenizer, template.form()
    if encoder.bos_id is not None and not encoder.raw_bos:
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        tokenizer.post_processor = TemplateProcessing(
            single=f"{form.bos} $A", pair=f"{form.bos} $A {form.bos} $B", special_tokens=[(form.bos, encoder.bos_id)]
        )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": form.bos or None,
            "eos_token": form.eos,
            "pad_token": form.pad,
            "additional_special_tokens": list(form.markers),
            "add_bos_token": bool(form.bos),
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
            "chat_template": jinja(template),
        },
    )
    save(template, folder)
